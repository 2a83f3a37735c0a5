import { MEMBER_STATUSES } from '../../image/member.ts'
import { UUID_PATTERN } from './image.ts'

/** `/v2/schemas/member`. */
export const MEMBER_SCHEMA = {
  name: 'member',
  properties: {
    member_id: { type: 'string', description: 'Project that the image is shared with' },
    image_id: { type: 'string', description: 'Identifier of the image', pattern: UUID_PATTERN },
    created_at: { type: 'string', description: 'When the project became a member' },
    updated_at: { type: 'string', description: 'When the membership was last changed' },
    status: {
      type: 'string',
      description: 'What the member said to the image',
      enum: MEMBER_STATUSES,
    },
    schema: { type: 'string', readOnly: true },
  },
} as const

/** `/v2/schemas/members`. */
export const MEMBERS_SCHEMA = {
  name: 'members',
  properties: {
    members: { type: 'array', items: MEMBER_SCHEMA },
    schema: { type: 'string' },
  },
  links: [{ rel: 'describedby', href: '{schema}' }],
} as const
