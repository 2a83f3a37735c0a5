import { numbered, type Row, type Scenario } from './table.ts'

const task = (title: string, body: unknown, status: number, rest: Partial<Row> = {}): Row => ({
  title,
  as: 'admin',
  ask: 'POST /v2/tasks',
  body,
  status,
  ...rest,
})

const list = (query: string, status: number, rest: Partial<Row> = {}): Row => ({
  title: query === '' ? 'all are listed' : `they are listed with ${query}`,
  as: 'admin',
  ask: `GET /v2/tasks${query}`,
  status,
  ...rest,
})

const INPUT = {
  import_from: '{source}/image',
  import_from_format: 'raw',
  image_properties: { name: 'made by a task', disk_format: 'raw', container_format: 'bare' },
}

const WRONG: readonly (readonly [string, unknown])[] = [
  ['nothing', {}],
  ['no type', { input: INPUT }],
  ['no input', { type: 'import' }],
  ['a type that there is not', { type: 'export', input: INPUT }],
  ['a type that is null', { type: null, input: INPUT }],
  ['a type that is a number', { type: 1, input: INPUT }],
  ['input that is text', { type: 'import', input: 'x' }],
  ['input that is null', { type: 'import', input: null }],
  ['input that is a list', { type: 'import', input: [] }],
  ['input without a source', { type: 'import', input: { ...INPUT, import_from: undefined } }],
  ['a file', { type: 'import', input: { ...INPUT, import_from: 'file:///etc/passwd' } }],
  ['a relative source', { type: 'import', input: { ...INPUT, import_from: '/image' } }],
  ['a scheme of no kind', { type: 'import', input: { ...INPUT, import_from: 'swift://a/b' } }],
  ['a list', []],
  ['text', '"import"'],
  ['no JSON', 'nope'],
]

const QUERIES: readonly (readonly [string, number])[] = [
  ['?status=pending', 200],
  ['?status=success&type=import', 200],
  ['?status=nope', 400],
  ['?status=', 200],
  ['?type=import', 200],
  ['?type=nope', 400],
  ['?type=api_image_import', 400],
  ['?limit=0', 200],
  ['?limit=-1', 400],
  ['?limit=x', 400],
  ['?limit=1.5', 400],
  ['?marker=', 400],
  ['?marker=nope', 400],
  ['?marker={nope}', 400],
  ['?sort_dir=asc', 200],
  ['?sort_dir=up', 400],
  ['?sort_key=status', 200],
  ['?sort_key=nope', 400],
  ['?sort_key=created_at&sort_dir=desc&limit=5', 200],
]

const REFUSED: readonly string[] = ['GET /v2/tasks', 'GET /v2/tasks/{nope}', 'POST /v2/tasks']

export const TASKS: readonly Scenario[] = [
  {
    name: 'tasks',
    rows: numbered([
      ...REFUSED.map((ask): Row => {
        const body = { type: 'import', input: INPUT }
        return {
          title: `${ask} is for administrators`,
          ask,
          ...(ask.startsWith('POST') && { body }),
          status: 403,
        }
      }),
      ...WRONG.map(([title, body]) => task(`not ${title}`, body, 400)),
      task('not from this machine', { type: 'import', input: INPUT }, 400),
      ...QUERIES.map(([query, status]) => list(query, status)),
      {
        title: 'there is no such task',
        as: 'admin',
        ask: 'GET /v2/tasks/{nope}',
        status: 404,
      },
      { title: 'nor any such id', as: 'admin', ask: 'GET /v2/tasks/nope', status: 404 },
      {
        title: 'none is deleted',
        as: 'admin',
        ask: 'DELETE /v2/tasks/{nope}',
        status: 405,
        answers: { allow: 'GET' },
      },
      { title: 'the schema of one', ask: 'GET /v2/schemas/task', status: 200 },
      { title: 'the schema of several', ask: 'GET /v2/schemas/tasks', status: 200 },
    ]),
  },
  {
    name: 'tasks at work',
    setting: 'quotas',
    rows: [
      task('one is begun', { type: 'import', input: INPUT }, 201),
      list('?status=success', 200, {
        title: 'it succeeds',
        until: { tasks: [{ status: 'success', type: 'import' }] },
      }),
      {
        title: 'there is an image then',
        as: 'admin',
        ask: 'GET /v2/images',
        status: 200,
        lists: ['made by a task'],
      },
      task(
        'another finds nothing',
        {
          type: 'import',
          input: { ...INPUT, import_from: '{source}/missing' },
        },
        201,
      ),
      list('?status=failure&type=import', 200, {
        title: 'it fails',
        until: { tasks: [{ status: 'failure', type: 'import' }] },
      }),
      {
        title: 'and leaves no image',
        as: 'admin',
        ask: 'GET /v2/images',
        status: 200,
        lists: ['made by a task'],
      },
      task(
        'one without properties',
        {
          type: 'import',
          input: { ...INPUT, image_properties: undefined },
        },
        201,
      ),
      list('?status=failure&type=import', 200, {
        title: 'fails as well',
        until: { tasks: [{ status: 'failure' }, { status: 'failure' }] },
      }),
    ],
  },
]
