import type { FastifyInstance } from 'fastify'
import { IMAGE_SCHEMA, IMAGES_SCHEMA } from '../../wire/schema/image.ts'
import { MEMBER_SCHEMA, MEMBERS_SCHEMA } from '../../wire/schema/member.ts'
import { TASK_SCHEMA, TASKS_SCHEMA } from '../../wire/schema/task.ts'
import { BODILESS } from '../http/app.ts'

const SCHEMAS = {
  image: IMAGE_SCHEMA,
  images: IMAGES_SCHEMA,
  member: MEMBER_SCHEMA,
  members: MEMBERS_SCHEMA,
  task: TASK_SCHEMA,
  tasks: TASKS_SCHEMA,
} as const

export function schemaRoutes(app: FastifyInstance): void {
  for (const [name, schema] of Object.entries(SCHEMAS)) {
    app.get(`/schemas/${name}`, name.startsWith('task') ? {} : BODILESS, async () => schema)
  }
}
