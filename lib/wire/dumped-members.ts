import { GlanceError } from '../errors.ts'
import { isObject } from '../image/json.ts'
import { MEMBER_STATUSES, type MemberStatus } from '../image/member.ts'
import { shown } from './shown.ts'

/** The field of an image's metadata in a dump that no property of an image can be named like. */
export const MEMBERS_FIELD = 'os_glance_members'

/** A project that an image is shared with; null of what nobody knows. */
interface DumpedMember {
  readonly project: string
  readonly status: MemberStatus | null
  readonly canShare: boolean | null
}

/** Members as the field has them: as the API shows them, without what nobody knows. */
export function membersToDump(members: readonly DumpedMember[]): readonly object[] {
  return members.map(({ project, status, canShare }) => ({
    member_id: project,
    ...(status === null ? {} : { status }),
    ...(canShare === null ? {} : { can_share: canShare }),
  }))
}

/** The members that a metadata document has; undefined where nobody wrote them down. @throws {GlanceError} `corrupt`. */
export function membersFromDump(document: unknown): readonly DumpedMember[] | undefined {
  const rows: unknown = isObject(document) ? document[MEMBERS_FIELD] : undefined
  if (rows === undefined) return undefined
  if (!Array.isArray(rows)) throw unexpected(rows)
  return (rows as unknown[]).map(row => {
    const { member_id: project, status, can_share: canShare } = isObject(row) ? row : {}
    if (typeof project !== 'string') throw unexpected(row)
    return {
      project,
      status: MEMBER_STATUSES.find(known => known === status) ?? null,
      canShare: typeof canShare === 'boolean' ? canShare : null,
    }
  })
}

function unexpected(value: unknown): GlanceError {
  return new GlanceError('corrupt', `${MEMBERS_FIELD}: ${shown(value)} is no list of members`)
}
