import type { Abortable } from '../abort.ts'
import { GlanceError, isGlanceError, messageOf } from '../errors.ts'
import type { Image } from '../image/image.ts'
import { isObject } from '../image/json.ts'
import { MEMBER_STATUSES } from '../image/member.ts'
import type { MemberAccess, Membership, RefusedField } from './endpoint.ts'
import type { GlanceService } from './glance-service.ts'
import type { ApiVersion } from './negotiate.ts'

/** Whom the images of a service are shared with. v2 knows what the members say to that, v1 whether they may share further. */
export class GlanceMembers implements MemberAccess {
  readonly #service: GlanceService
  readonly #version: ApiVersion
  readonly states: boolean
  readonly seesAll: boolean

  /** Only an administrator may speak for the members (glance/policies/image.py: modify_member). */
  constructor(service: GlanceService, version: ApiVersion, isAdmin: boolean) {
    this.#service = service
    this.#version = version
    this.states = version === 2 && isAdmin
    this.seesAll = isAdmin
  }

  /** Others than the owner see only themselves among the members. */
  async isWhole({ owner }: Image, { signal }: Abortable = {}): Promise<boolean> {
    if (this.seesAll) return true
    const scope = await this.#service.options.tokens.scope?.({ signal })
    return owner !== null && scope === `project ${owner}`
  }

  async list(
    { id, visibility }: Image,
    { signal }: Abortable = {},
  ): Promise<readonly Membership[]> {
    const answer = await this.#service.get(this.#path(id), signal).catch((error: unknown) => {
      // That is what v2 says of an image that is not shared.
      if (visibility === 'shared' || !isGlanceError(error, 'forbidden')) throw error
      return { members: [] }
    })
    const rows: unknown = isObject(answer) ? answer['members'] : undefined
    if (!Array.isArray(rows)) {
      throw new GlanceError('unsupported', `${this.#service.name}: image ${id} has no members`)
    }
    return rows.filter(isObject).map(row => ({
      project: String(row['member_id']),
      status: MEMBER_STATUSES.find(status => status === row['status']) ?? null,
      canShare: typeof row['can_share'] === 'boolean' ? row['can_share'] : null,
    }))
  }

  async set(
    image: Image,
    members: readonly Membership[],
    { signal }: Abortable = {},
  ): Promise<readonly RefusedField[]> {
    const refused: RefusedField[] = []
    const attempt = async (work: () => Promise<unknown>) => {
      try {
        await work()
      } catch (error) {
        if (!isGlanceError(error, 'forbidden', 'invalid', 'not_found', 'over_limit')) throw error
        refused.push({ field: 'members', reason: messageOf(error) })
      }
    }
    const present = new Map<string, Membership>()
    await attempt(async () => {
      for (const row of await this.list(image, { signal })) present.set(row.project, row)
    })
    if (refused.length > 0) return refused
    for (const member of members) {
      const before = present.get(member.project)
      await attempt(async () => await this.#bring(image.id, before, member, signal))
      present.delete(member.project)
    }
    for (const project of present.keys()) {
      const path = this.#path(image.id, project)
      await attempt(async () => await this.#service.call('DELETE', path, { signal }))
    }
    return refused
  }

  async #bring(
    id: string,
    before: Membership | undefined,
    { project, status, canShare }: Membership,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const path = this.#path(id, project)
    if (this.#version === 1) {
      const json = { member: { can_share: canShare ?? before?.canShare ?? false } }
      if (before === undefined || before.canShare !== json.member.can_share) {
        await this.#service.call('PUT', path, { json, signal })
      }
      return
    }
    if (before === undefined) {
      const json = { member: project }
      await this.#service.call('POST', this.#path(id), { json, signal }).catch((error: unknown) => {
        // An attempt that got no answer may have done its work.
        if (!isGlanceError(error, 'conflict')) throw error
      })
    }
    if (!this.states || status === null || status === (before?.status ?? 'pending')) return
    await this.#service.call('PUT', path, { json: { status }, signal })
  }

  #path(id: string, project?: string): string {
    const members = `v${this.#version}/images/${id}/members`
    return project === undefined ? members : `${members}/${encodeURIComponent(project)}`
  }
}
