import type { Row, Scenario } from './table.ts'

const NAMES: Readonly<Record<string, string>> = {
  image: 'image',
  images: 'images',
  member: 'member',
  members: 'members',
  'metadefs/namespace': 'namespace',
  'metadefs/namespaces': 'namespaces',
  'metadefs/resource_type': 'resource_type_association',
  'metadefs/resource_types': 'resource_type_associations',
  'metadefs/property': 'property',
  'metadefs/properties': 'properties',
  'metadefs/object': 'object',
  'metadefs/objects': 'objects',
  'metadefs/tag': 'tag',
  'metadefs/tags': 'tags',
}

export const SCHEMAS: readonly Scenario[] = [
  {
    name: 'schemas',
    rows: Object.entries(NAMES).map(([path, name]): Row => {
      return {
        title: `the schema of ${path}`,
        ask: `GET /v2/schemas/${path}`,
        status: 200,
        answers: { 'content-type': 'application/json' },
        shows: { name },
      }
    }),
  },
]
