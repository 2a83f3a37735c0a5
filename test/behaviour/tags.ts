import { create, type Row, type Scenario } from './table.ts'

const put = (tag: string, title: string, expected: Partial<Row> = {}): Row => {
  return { title, ask: `PUT /v2/images/{image}/tags/${tag}`, status: 204, ...expected }
}
const remove = (tag: string, title: string, expected: Partial<Row> = {}): Row => {
  return { title, ask: `DELETE /v2/images/{image}/tags/${tag}`, status: 204, ...expected }
}

export const TAGS: readonly Scenario[] = [
  {
    name: 'tags',
    rows: [
      create('image'),
      put('a', 'a tag is put'),
      put('a', 'more than once'),
      put('A', 'in capitals it is another'),
      put('b%20c', 'with a space'),
      put('gabe%40example.com', 'encoded'),
      put('%E4%B8%AD', 'of other scripts'),
      put('x'.repeat(255), 'of 255 characters'),
      put('x'.repeat(256), 'of no more', { status: 400 }),
      put('%F0%9F%98%80', 'of the first plane', { status: 400 }),
      put('%FF', 'of UTF-8', { status: 400 }),
      {
        title: 'all are there',
        ask: 'GET /v2/images/{image}',
        status: 200,
        shows: { tags: ['A', 'a', 'b c', 'gabe@example.com', 'x'.repeat(255), '中'] },
      },
      remove('a', 'a tag is removed'),
      remove('a', 'once', { status: 404 }),
      remove('nope', 'if there is one', { status: 404 }),
      remove('b%20c', 'with its space'),
      remove('A', 'and its capitals'),
      put('q', 'a stranger puts none', { as: 'stranger', status: 404 }),
      remove('x', 'nor removes any', { as: 'stranger', status: 404 }),
      put('q', 'an administrator does', { as: 'admin' }),
      { title: 'no such image to tag', ask: 'PUT /v2/images/nope/tags/q', status: 404 },
      { title: 'nor to take a tag from', ask: 'DELETE /v2/images/nope/tags/q', status: 404 },
      create('full', { tags: Array.from({ length: 128 }, (_, index) => `t${index}`) }),
      {
        title: 'a tag too many is refused',
        ask: 'PUT /v2/images/{full}/tags/more',
        status: 413,
      },
    ],
  },
]
