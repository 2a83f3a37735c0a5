import * as fc from 'fast-check'
import t from 'tap'
import { isGlanceError } from '../../lib/errors.ts'
import { everything, type ImageCondition, type ImageQuery } from '../../lib/image/query.ts'
import { pageLinks } from '../../lib/wire/paging.ts'
import { parseImageQuery } from '../../lib/wire/v2-query.ts'

/** Those that mean something, and some that nearly do. */
const NAMES =
  'name id status size size_min min_ram_max created_at updated_at protected tag sort sort_key sort_dir limit marker visibility member_status os_hidden _min __proto__'.split(
    ' ',
  )
const VIEWER = { isAdmin: false, project: 'p' }
const PAGES = { limitDefault: 25, limitMax: 1000 }
const parse = (text: string): ImageQuery =>
  parseImageQuery(new URLSearchParams(text), VIEWER, PAGES)

const text = (field: string, ...values: string[]) => ({ type: 'text', field, in: values })
const number = (field: string, comparison: string, value: number) => ({
  type: 'number',
  field,
  comparison,
  value,
})
const time = (field: string, comparison: string, iso: string) => ({
  type: 'time',
  field,
  comparison,
  value: new Date(iso),
})
const property = (name: string, value: string) => ({ type: 'property', name, value })

t.test('an empty query asks for the newest images that are not hidden', async t => {
  t.strictSame(parse(''), {
    viewer: VIEWER,
    visibility: null,
    memberStatus: 'accepted',
    hidden: false,
    conditions: [],
    sort: [{ key: 'created_at', direction: 'desc' }],
    limit: 25,
    marker: null,
  })
})

for (const [query, conditions] of [
  ['name=a', [text('name', 'a')]],
  ['name=', [text('name', '')]],
  ['name=eq:a', [text('name', 'a')]],
  ['name=eq:a:b', [text('name', 'a:b')]],
  ['name=in:a', [text('name', 'a')]],
  ['name=in:a,b', [text('name', 'a', 'b')]],
  ['name=in:a, b ', [text('name', 'a', ' b ')]],
  ['name=in:"a,b",c', [text('name', 'a,b', 'c')]],
  ['name=in:c,"a,b"', [text('name', 'c', 'a,b')]],
  ['name=in:"a\\"b","c"', [text('name', 'a"b', 'c')]],
  ['name=in:\\"a\\",b', [text('name', '"a"', 'b')]],
  ['name=in:""', [text('name', '')]],
  ['name=in:', [text('name')]],
  ['name=in:,a', [text('name', '', 'a')]],
  ['name=in:a,,b,', [text('name', 'a', '', 'b')]],
  ['name=2012-01-01T00:00:00Z', [text('name', '2012-01-01T00:00:00Z')]],
  ['name=a&name=b', [text('name', 'b')]],
  ['id=x', [text('id', 'x')]],
  ['status=in:queued,saving', [text('status', 'queued', 'saving')]],
  ['status=unheard-of', [text('status', 'unheard-of')]],
  [
    'container_format=bare&disk_format=eq:raw',
    [text('container_format', 'bare'), text('disk_format', 'raw')],
  ],
  ['checksum=in:a', [text('checksum', 'in:a')]],
  ['os_hash_value=x&os_hash_algo=md5', [text('os_hash_value', 'x'), text('os_hash_algo', 'md5')]],
  ['owner=a:b', [text('owner', 'a:b')]],
  ['size=10', [number('size', 'eq', 10)]],
  ['size_min=1&size_max=%2B2', [number('size', 'gte', 1), number('size', 'lte', 2)]],
  ['size_min=-1', [number('size', 'gte', -1)]],
  ['size_max=99999999999999999999', [number('size', 'lte', Number.MAX_SAFE_INTEGER)]],
  ['virtual_size_min= 7 ', [number('virtual_size', 'gte', 7)]],
  ['min_disk=1&min_ram=2', [number('min_disk', 'eq', 1), number('min_ram', 'eq', 2)]],
  ['min_disk_max=1&min_ram_min=2', [number('min_disk', 'lte', 1), number('min_ram', 'gte', 2)]],
  ['created_at=2012-01-01T10:20:30Z', [time('created_at', 'eq', '2012-01-01T10:20:30Z')]],
  ['created_at=gt:2012-01-01T10:20:30Z', [time('created_at', 'gt', '2012-01-01T10:20:30Z')]],
  ['updated_at=gte:2012-01-01', [time('updated_at', 'gte', '2012-01-01T00:00:00Z')]],
  ['updated_at=lt:2012-02', [time('updated_at', 'lt', '2012-02-01T00:00:00Z')]],
  ['updated_at=lte:20120229T1020', [time('updated_at', 'lte', '2012-02-29T10:20:00Z')]],
  [
    'updated_at=neq:2012-01-01 10:20:30.25',
    [time('updated_at', 'neq', '2012-01-01T10:20:30.250Z')],
  ],
  ['updated_at=eq:2012-01-01T10:20:30-05:30', [time('updated_at', 'eq', '2012-01-01T15:50:30Z')]],
  ['updated_at=2012-01-01T10:20:30%2B02', [time('updated_at', 'eq', '2012-01-01T08:20:30Z')]],
  ['protected=true', [{ type: 'protected', value: true }]],
  ['protected=false', [{ type: 'protected', value: false }]],
  [
    'tag=a&tag= b ',
    [
      { type: 'tag', value: 'a' },
      { type: 'tag', value: 'b' },
    ],
  ],
  ['os_distro=debian&x=', [property('os_distro', 'debian'), property('x', '')]],
  ['os_distro=in:a,b', [property('os_distro', 'in:a,b')]],
  ['x=1&x=2', [property('x', '2')]],
  ['__proto__=a&constructor=b', [property('__proto__', 'a'), property('constructor', 'b')]],
  ['deleted=true', []],
] as [string, ImageCondition[]][]) {
  t.test(`?${query}`, async t => t.strictSame(parse(query).conditions, conditions))
}

for (const [query, sort] of [
  ['sort_key=name', 'name desc'],
  ['sort_dir=asc', 'created_at asc'],
  ['sort_key=name&sort_dir=asc', 'name asc'],
  ['sort_key=name&sort_key= size ', 'name desc, size desc'],
  ['sort_key=name&sort_key=size&sort_dir=asc', 'name asc, size asc'],
  [
    'sort_key=name&sort_dir=asc&sort_key=size&sort_dir=desc',
    'name asc, size desc, created_at desc, id desc',
  ],
  ['sort=name', 'name desc'],
  ['sort=name:asc', 'name asc'],
  ['sort=name:', 'name desc'],
  ['sort= name : asc , size', 'name asc, size desc, created_at desc, id desc'],
] as const) {
  t.test(`?${query} sorts by ${sort}`, async t => {
    t.equal(
      parse(query)
        .sort.map(({ key, direction }) => `${key} ${direction}`)
        .join(', '),
      sort,
    )
  })
}

for (const [query, wanted] of [
  ['visibility=all', { visibility: 'all' }],
  ['visibility=community', { visibility: 'community' }],
  ['member_status=all', { memberStatus: 'all' }],
  ['member_status=pending', { memberStatus: 'pending' }],
  ['os_hidden=true', { hidden: true }],
  ['os_hidden=TRUE', { hidden: true }],
  ['os_hidden=False', { hidden: false }],
  ['limit=0', { limit: 0 }],
  ['limit=-0', { limit: 0 }],
  ['limit=7', { limit: 7 }],
  ['limit=1000000', { limit: 1000 }],
  ['limit=99999999999999999999999', { limit: 1000 }],
  ['marker=x', { marker: 'x' }],
  ['marker=', { marker: '' }],
] as const) {
  t.test(`?${query}`, async t => t.strictSame(parse(query), { ...parse(''), ...wanted }))
}

for (const [query, message] of [
  ['limit=x', 'limit param must be an integer'],
  ['limit=', 'limit param must be an integer'],
  ['limit=1.5', 'limit param must be an integer'],
  ['limit=-1', 'limit param must be positive'],
  ['visibility=x', 'Invalid visibility value: x'],
  ['visibility=', 'Invalid visibility value: '],
  ['member_status=x', 'Invalid status: x'],
  ['os_hidden=x', "Invalid value 'x' for 'os_hidden' filter. Valid values are 'true' or 'false'."],
  [
    'protected=True',
    "Invalid value 'True' for 'protected' filter. Valid values are 'true' or 'false'.",
  ],
  [
    'sort_key=x',
    'Invalid sort key: x. It must be one of the following: name, status, container_format, disk_format, size, id, created_at, updated_at.',
  ],
  ['sort_key=', 'Invalid sort key: .'],
  ['sort_dir=x', 'Invalid sort direction: x'],
  ['sort_dir=asc&sort_dir=asc', 'Number of sort dirs does not match the number of sort keys'],
  [
    'sort_key=name&sort_dir=asc&sort_dir=asc',
    'Number of sort dirs does not match the number of sort keys',
  ],
  ['sort=', 'Invalid sort key: .'],
  ['sort=name:up', 'Invalid sort direction: up'],
  ['sort=name:asc:desc', 'Invalid sort direction: asc:desc'],
  ['sort=name&sort_key=name', 'Old and new sorting syntax cannot be combined'],
  ['sort=name&sort_dir=asc', 'Old and new sorting syntax cannot be combined'],
  ['changes-since=2012-01-01', 'The "changes-since" filter is no longer available on v2.'],
  ['size_min=x', 'Unable to filter on a range with a non-numeric value.'],
  ['size_max=1.5', 'Unable to filter on a range with a non-numeric value.'],
  ['foo_min=1', "Unable to filter on a range of 'foo'."],
  ['size=x', 'Unable to filter size by a non-numeric value.'],
  ['created_at=yesterday', 'Bad "created_at" query filter format. Use ISO 8601 DateTime notation.'],
  ['created_at=', 'Bad "created_at" query filter format. Use ISO 8601 DateTime notation.'],
  ['updated_at=gt:2012-13-01', 'Bad "updated_at" query filter format.'],
  ['updated_at=gt:2012-02-30', 'Bad "updated_at" query filter format.'],
  ['updated_at=gt:2012-02-01T25:00', 'Bad "updated_at" query filter format.'],
  ['updated_at=gt:201202', 'Bad "updated_at" query filter format.'],
  ['updated_at=near:2012-01-01', 'Unable to filter on a unknown operator.'],
  ['updated_at=in:2012-01-01', 'Unable to filter on a unknown operator.'],
  ['name=foo:bar', "Unable to filter by unknown operator 'foo'."],
  ['status=neq:active', "Unable to filter by unknown operator 'neq'."],
  ['name=in:a"b"', 'Invalid filter value a"b". There is no comma before opening quotation mark.'],
  ['name=in:"a"b', 'Invalid filter value "a"b. There is no comma after closing quotation mark.'],
  ['name=in:"a,b', 'Invalid filter value "a,b. The quote is not closed.'],
  ['name=in:"a\\"', 'The quote is not closed.'],
  ['name=🐧', "name can't contain 4 byte unicode characters."],
  ['tag=🐧', "tag can't contain 4 byte unicode characters."],
  ['marker=🐧', "marker can't contain 4 byte unicode characters."],
  ['🐧=x', "Property names can't contain 4 byte unicode."],
] as const) {
  t.test(`?${query} is refused`, async t => {
    t.throws(() => parse(query), { code: 'invalid', message })
  })
}

t.test('a query may have many filters, but not any number', async t => {
  t.equal(parse('tag=a&'.repeat(256)).conditions.length, 256)
  t.throws(() => parse('tag=a&'.repeat(257)), { code: 'invalid', message: 'at most 256 filters' })
})

t.test('whatever the query, it is read or refused as invalid', async () => {
  const names = fc.oneof(fc.constantFrom(...NAMES), fc.string({ unit: 'binary' }))
  const values = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.stringMatching(/^(in|eq|gt|lte)?:?[a"\\,:]*$/),
    fc.stringMatching(/^(gt:)?\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?$/),
    fc.integer().map(String),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(names, values)), entries => {
      const params = new URLSearchParams(entries)
      try {
        const { limit, conditions } = parseImageQuery(params, VIEWER, PAGES)
        for (const condition of conditions) {
          if (condition.type === 'time') condition.value.toISOString()
        }
        return limit >= 0 && limit <= PAGES.limitMax
      } catch (error) {
        return isGlanceError(error, 'invalid')
      }
    }),
    { numRuns: 500 },
  )
})

t.test('names that are quoted as they should be come back as they were', async t => {
  const name = fc.string({ unit: fc.constantFrom('a', ',', '"', ' ', ':', 'é') })
  fc.assert(
    fc.property(fc.array(name, { minLength: 1 }), names => {
      const quoted = names.map(each => `"${each.replaceAll('"', '\\"')}"`)
      const params = new URLSearchParams({ name: `in:${quoted.join()}` })
      t.strictSame(parseImageQuery(params, VIEWER, PAGES).conditions, [text('name', ...names)])
    }),
    { numRuns: 200 },
  )
})

for (const { title, query, ids, limit, first, next } of [
  {
    title: 'a page that is full is followed by another',
    query: 'limit=2',
    ids: ['a', 'b'],
    limit: 2,
    first: '/v2/images?limit=2',
    next: '/v2/images?limit=2&marker=b',
  },
  {
    title: 'a page that is not full is the last',
    query: 'limit=2',
    ids: ['a'],
    limit: 2,
    first: '/v2/images?limit=2',
  },
  {
    title: 'an empty page is the last',
    query: 'limit=0',
    ids: [],
    limit: 0,
    first: '/v2/images?limit=0',
  },
  {
    title: 'without a query there is none in the first link',
    query: '',
    ids: ['a'],
    limit: 1,
    first: '/v2/images',
    next: '/v2/images?marker=a',
  },
  {
    title: 'the marker moves on',
    query: 'marker=a&limit=1',
    ids: ['b'],
    limit: 1,
    first: '/v2/images?limit=1',
    next: '/v2/images?limit=1&marker=b',
  },
  {
    title: 'of repeated parameters the last remains',
    query: 'tag=a&sort_key=name&tag=b',
    ids: ['a'],
    limit: 1,
    first: '/v2/images?tag=b&sort_key=name',
    next: '/v2/images?tag=b&sort_key=name&marker=a',
  },
  {
    title: 'awkward text is encoded',
    query: 'name=%C3%A9+%26%3D',
    ids: [],
    limit: 1,
    first: '/v2/images?name=%C3%A9+%26%3D',
  },
]) {
  t.test(title, async t => {
    const params = new URLSearchParams(query)
    const links = pageLinks('/v2/images', params, ids, limit)
    t.strictSame(links, next === undefined ? { first } : { first, next })
    t.equal(
      params.toString(),
      new URLSearchParams(query).toString(),
      'the query itself is left alone',
    )
  })
}

t.test('the service itself asks for every image of some statuses', async t => {
  t.match(everything(['saving'], 10), { visibility: 'all', hidden: null, limit: 10, marker: null })
})
