import { GlanceError, isGlanceError } from '../../errors.ts'
import type { Member } from '../../image/member.ts'
import type { MemberChange, MemberTable } from '../database.ts'
import { requireMemberFits } from '../fits.ts'
import { memberFromRow, memberToRow } from './rows.ts'
import type { Sql } from './tables.ts'
import { type Access, atomically, reading } from './transactions.ts'

export class SqlMembers implements MemberTable {
  readonly #access: Access

  constructor(access: Access) {
    this.#access = access
  }

  async list(imageId: string): Promise<readonly Member[]> {
    const rows = await reading(this.#access, sql =>
      sql
        .selectFrom('image_members')
        .selectAll()
        .where('image_id', '=', imageId)
        .orderBy('position')
        .orderBy('member_id')
        .execute(),
    )
    return rows.map(memberFromRow)
  }

  find(imageId: string, memberId: string): Promise<Member | undefined> {
    return reading(this.#access, sql => find(sql, imageId, memberId))
  }

  async memberships(
    memberId: string,
    { imagesOf }: { readonly imagesOf?: string } = {},
  ): Promise<readonly Member[]> {
    const gone = ['deleted', 'pending_delete'] as const
    const rows = await reading(this.#access, sql => {
      let images = sql.selectFrom('images').select('id').where('status', 'not in', gone)
      if (imagesOf !== undefined) images = images.where('owner', '=', imagesOf)
      return sql
        .selectFrom('image_members')
        .selectAll()
        .where('member_id', '=', memberId)
        .where('image_id', 'in', images)
        .orderBy('image_id')
        .execute()
    })
    return rows.map(memberFromRow)
  }

  async insert(member: Member): Promise<void> {
    const { imageId, memberId } = member
    requireMemberFits(member)
    try {
      await atomically(this.#access, async tx => {
        await requireImage(tx, imageId)
        await tx
          .insertInto('image_members')
          .values(memberToRow(member, await nextPosition(tx, imageId)))
          .execute()
      })
    } catch (error) {
      if (!isGlanceError(error, 'duplicate')) throw error
      const message = `${memberId} is already a member of image ${imageId}`
      throw new GlanceError('duplicate', message, { cause: error })
    }
  }

  update(imageId: string, memberId: string, change: MemberChange): Promise<Member> {
    return atomically(this.#access, async tx => {
      await tx
        .updateTable('image_members')
        .set({
          status: change.status,
          can_share: change.canShare === undefined ? undefined : Number(change.canShare),
          updated_at: change.updatedAt.toISOString(),
        })
        .where('image_id', '=', imageId)
        .where('member_id', '=', memberId)
        .execute()
      const member = await find(tx, imageId, memberId)
      if (member === undefined) throw notFound(imageId, memberId)
      return member
    })
  }

  async delete(imageId: string, memberId: string): Promise<void> {
    await atomically(this.#access, async tx => {
      const { numDeletedRows } = await tx
        .deleteFrom('image_members')
        .where('image_id', '=', imageId)
        .where('member_id', '=', memberId)
        .executeTakeFirstOrThrow()
      if (numDeletedRows === 0n) throw notFound(imageId, memberId)
    })
  }
}

async function find(sql: Sql, imageId: string, memberId: string): Promise<Member | undefined> {
  const row = await sql
    .selectFrom('image_members')
    .selectAll()
    .where('image_id', '=', imageId)
    .where('member_id', '=', memberId)
    .executeTakeFirst()
  return row && memberFromRow(row)
}

/** @throws {GlanceError} `not_found`: a deleted image has a row and takes no members. */
async function requireImage(sql: Sql, id: string): Promise<void> {
  const image = sql.selectFrom('images').select('id').where('id', '=', id)
  const found = await image
    .where('status', 'not in', ['deleted', 'pending_delete'])
    .executeTakeFirst()
  if (found === undefined) throw new GlanceError('not_found', `no image found with ID ${id}`)
}

async function nextPosition(sql: Sql, imageId: string): Promise<number> {
  const { last } = await sql
    .selectFrom('image_members')
    .select(members => members.fn.max<number | null>('position').as('last'))
    .where('image_id', '=', imageId)
    .executeTakeFirstOrThrow()
  return (last ?? 0) + 1
}

function notFound(imageId: string, memberId: string): GlanceError {
  return new GlanceError('not_found', `${memberId} is not a member of image ${imageId}`)
}
