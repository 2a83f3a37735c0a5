import { GlanceError } from '../../errors.ts'
import type { Member } from '../../image/member.ts'
import type { ImageRecord, MemberChange, MemberTable } from '../database.ts'
import { requireMemberFits } from '../fits.ts'
import { compareValues } from './query.ts'
import { type Access, live, type Rows } from './rows.ts'

export class SimpleMembers implements MemberTable {
  readonly #access: Access

  constructor(access: Access) {
    this.#access = access
  }

  async list(imageId: string): Promise<readonly Member[]> {
    return membersOf(this.#access.rows(), imageId)
  }

  async find(imageId: string, memberId: string): Promise<Member | undefined> {
    return membersOf(this.#access.rows(), imageId).find(member => member.memberId === memberId)
  }

  async memberships(
    memberId: string,
    { imagesOf }: { readonly imagesOf?: string } = {},
  ): Promise<readonly Member[]> {
    const rows = this.#access.rows()
    const isListed = (image: ImageRecord | undefined) =>
      image !== undefined && (imagesOf === undefined || image.owner === imagesOf)
    return [...rows.members]
      .filter(([imageId]) => isListed(live(rows, imageId)))
      .flatMap(([, each]) => each.filter(member => member.memberId === memberId))
      .toSorted((a, b) => compareValues(a.imageId, b.imageId))
  }

  async insert(member: Member): Promise<void> {
    const { imageId, memberId } = member
    requireMemberFits(member)
    await this.#access.write(rows => {
      if (live(rows, imageId) === undefined) {
        throw new GlanceError('not_found', `no image found with ID ${imageId}`)
      }
      const members = membersOf(rows, imageId)
      if (members.some(other => other.memberId === memberId)) {
        throw new GlanceError('duplicate', `${memberId} is already a member of image ${imageId}`)
      }
      rows.members.set(imageId, [...members, { ...member }])
    })
  }

  update(imageId: string, memberId: string, change: MemberChange): Promise<Member> {
    return this.#access.write(rows => {
      const { members, index, member } = locate(rows, imageId, memberId)
      const changed = { ...member, ...change }
      rows.members.set(imageId, members.with(index, changed))
      return changed
    })
  }

  async delete(imageId: string, memberId: string): Promise<void> {
    await this.#access.write(rows => {
      const { members, index } = locate(rows, imageId, memberId)
      rows.members.set(imageId, members.toSpliced(index, 1))
    })
  }
}

function membersOf(rows: Rows, imageId: string): readonly Member[] {
  return rows.members.get(imageId) ?? []
}

/** @throws {GlanceError} `not_found`. */
function locate(rows: Rows, imageId: string, memberId: string) {
  const members = membersOf(rows, imageId)
  const index = members.findIndex(member => member.memberId === memberId)
  const member = members[index]
  if (member === undefined) {
    throw new GlanceError('not_found', `${memberId} is not a member of image ${imageId}`)
  }
  return { members, index, member }
}
