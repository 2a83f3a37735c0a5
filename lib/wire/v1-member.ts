import { GlanceError } from '../errors.ts'
import type { Member } from '../image/member.ts'
import { checkText } from './schema/validate.ts'
import { isObject } from '../image/json.ts'

/** What a request says of a member. */
interface V1Membership {
  readonly memberId: string
  readonly canShare: boolean | undefined
}

/** A row of `GET /v1/images/{id}/members`. */
export function toV1Member({ memberId, canShare }: Member): Record<string, unknown> {
  return { member_id: memberId, can_share: canShare }
}

/** A row of `GET /v1/shared-images/{project}`. */
export function toV1Membership({ imageId, canShare }: Member): Record<string, unknown> {
  return { image_id: imageId, can_share: canShare }
}

/** The project of a path. @throws {GlanceError} `invalid`. */
export function v1MemberId(text: string): string {
  checkText('member', text)
  if (text !== '' && text.length <= 255) return text
  throw invalid('a project has a name of 1 to 255 characters')
}

/** Whether the member may share the image, by the body of a request for one; undefined when it does not say. @throws {GlanceError} `invalid`. */
export function parseCanShare(document: object): boolean | undefined {
  const member = isObject(document) ? document['member'] : undefined
  if (member === undefined) return undefined
  if (!isObject(member)) throw invalid('member has to be an object')
  return canShareOf(member)
}

/** The members of a request for all of them; one alone may stand for a list. @throws {GlanceError} `invalid`. */
export function parseMemberships(document: object): readonly V1Membership[] {
  const wanted: unknown = isObject(document) ? (document['memberships'] ?? [document]) : document
  const isNull = isObject(document) && document['memberships'] === null
  if (isNull || !Array.isArray(wanted)) throw invalid('memberships has to be a list')
  return wanted.map((membership: unknown) => {
    if (!isObject(membership)) throw invalid('it has to be an object')
    const { member_id: memberId } = membership
    if (typeof memberId !== 'string') throw invalid("'member_id'")
    return { memberId: v1MemberId(memberId), canShare: canShareOf(membership) }
  })
}

/** As Python: what is nothing is false, anything else true. */
function canShareOf(membership: Readonly<Record<string, unknown>>): boolean | undefined {
  const { can_share: said } = membership
  if (said === undefined) return undefined
  const isEmpty = typeof said === 'object' && said !== null && Object.keys(said).length === 0
  return Boolean(said) && !isEmpty
}

function invalid(reason: string): GlanceError {
  return new GlanceError('invalid', `invalid membership association: ${reason}`)
}
