import { TASK_STATUSES, TASK_TYPES } from '../../image/task.ts'
import { UUID_PATTERN } from './image.ts'

const STUB = {
  id: { type: 'string', description: 'Identifier of the task', pattern: UUID_PATTERN },
  type: { type: 'string', description: 'What kind of work it is', enum: TASK_TYPES },
  status: { type: 'string', description: 'How far it is', enum: TASK_STATUSES },
  // Nobody's where there is no authentication, which Glance's own database does not take.
  owner: { type: ['null', 'string'], description: 'Project of the task' },
  image_id: { type: 'string', description: 'Identifier of its image' },
  request_id: { type: 'string', description: 'Identifier of the request that wanted it' },
  user_id: { type: 'string', description: 'User that wanted it' },
  expires_at: { type: ['null', 'string'], description: 'When it will be forgotten' },
  created_at: { type: 'string', description: 'When it was wanted' },
  updated_at: { type: 'string', description: 'When it last changed' },
  self: { type: 'string', readOnly: true },
  schema: { type: 'string', readOnly: true },
} as const

/** `/v2/schemas/task`. */
export const TASK_SCHEMA = {
  name: 'task',
  properties: {
    ...STUB,
    input: { type: ['null', 'object'], description: 'What was asked for' },
    result: { type: ['null', 'object'], description: 'What came of it' },
    message: { type: 'string', description: 'Why it failed, for people' },
  },
} as const

/** `/v2/schemas/tasks`. */
export const TASKS_SCHEMA = {
  name: 'tasks',
  properties: {
    tasks: { type: 'array', items: { name: 'task', properties: STUB } },
    schema: { type: 'string' },
  },
  links: [{ rel: 'describedby', href: '{schema}' }],
} as const
