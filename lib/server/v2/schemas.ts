import type { FastifyInstance } from 'fastify'
import type { ImageSchema } from '../../wire/schema/image-schema.ts'
import { MEMBER_SCHEMA, MEMBERS_SCHEMA } from '../../wire/schema/member.ts'
import { TASK_SCHEMA, TASKS_SCHEMA } from '../../wire/schema/task.ts'
import { BODILESS } from '../http/app.ts'

export function schemaRoutes(app: FastifyInstance, { image, images }: ImageSchema): void {
  const schemas = {
    image,
    images,
    member: MEMBER_SCHEMA,
    members: MEMBERS_SCHEMA,
    task: TASK_SCHEMA,
    tasks: TASKS_SCHEMA,
  }
  for (const [name, schema] of Object.entries(schemas)) {
    app.get(`/schemas/${name}`, name.startsWith('task') ? {} : BODILESS, async () => schema)
  }
}
