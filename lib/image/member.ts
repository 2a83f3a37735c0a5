export const MEMBER_STATUSES = ['pending', 'accepted', 'rejected'] as const
export type MemberStatus = (typeof MEMBER_STATUSES)[number]

/** A project that a shared image is shared with. */
export interface Member {
  readonly imageId: string
  /** Project. */
  readonly memberId: string
  readonly status: MemberStatus
  /** v1 only: whether the member may share the image further. */
  readonly canShare: boolean
  readonly createdAt: Date
  readonly updatedAt: Date
}
