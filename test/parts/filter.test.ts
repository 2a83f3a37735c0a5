import assert from 'node:assert/strict'
import { join } from 'node:path'
import * as fc from 'fast-check'
import t from 'tap'
import { ATTRIBUTES, type AttributeName, type Field } from '../../lib/filter/attributes.ts'
import type { Filter } from '../../lib/filter/filter.ts'
import { globMatcher } from '../../lib/filter/glob.ts'
import { matcher } from '../../lib/filter/match.ts'
import { parseFilter } from '../../lib/filter/parse.ts'
import { printFilter } from '../../lib/filter/print.ts'
import { compileRegex } from '../../lib/filter/regex.ts'
import { attribute, fillPool, leftOutByHints } from '../support/filters.ts'
import { idOf, imageOf } from '../support/images.ts'
import { startTestServer } from '../support/server.ts'

const NOW = new Date('2026-02-01T00:00:00Z')
const GIB = 1024 ** 3

/** An image with something of everything. */
const UBUNTU = imageOf(1, undefined, {
  name: 'ubuntu-24.04 (noble)',
  owner: 'b1f2',
  size: 2 * GIB,
  virtualSize: 10 * GIB,
  minRam: 512,
  protected: true,
  tags: ['lts', 'x y'],
  properties: new Map([
    ['os_distro', 'ubuntu'],
    ['hw:cpu_cores', '4'],
    ['size', 'of a shoe'],
    ['note', ''],
    ['none', null],
  ]),
  createdAt: new Date('2025-01-01T00:00:00Z'),
  updatedAt: new Date('2026-01-25T00:00:00Z'),
})

t.test('what an expression matches', t => {
  for (const { expression, matches } of [
    // Text.
    { expression: 'name=ubuntu-*', matches: true },
    { expression: 'name=UBUNTU-*', matches: false },
    { expression: 'name=ubuntu', matches: false },
    { expression: 'name=*[0-9].?4*', matches: true },
    { expression: 'name=[!u]*', matches: false },
    { expression: 'name="ubuntu-24.04 (noble)"', matches: true },
    { expression: "name='ubuntu-*'", matches: false },
    { expression: 'name==ubuntu-*', matches: false },
    { expression: 'name=ubuntu-24.04\\ \\(n*', matches: true },
    { expression: 'name!=ubuntu-*', matches: false },
    { expression: 'name~/^ubuntu-(22|24)/', matches: true },
    { expression: 'name~/NOBLE/i', matches: true },
    { expression: 'name!~/NOBLE/', matches: true },
    { expression: `id=${idOf(1)}`, matches: true },
    { expression: 'owner=b1f2', matches: true },
    { expression: 'visibility=public and status=active', matches: true },
    { expression: 'disk_format=raw and container_format=b?re', matches: true },
    { expression: 'checksum and os_hash_algo=sha512', matches: true },
    // Tags.
    { expression: 'tag=lts', matches: true },
    { expression: 'tag=*y', matches: true },
    { expression: 'tags!=lts', matches: false },
    { expression: 'tags', matches: true },
    // Flags.
    { expression: 'protected', matches: true },
    { expression: 'protected=false', matches: false },
    { expression: 'not hidden', matches: true },
    { expression: 'os_hidden!=false', matches: false },
    // Amounts.
    { expression: 'size>1GiB', matches: true },
    { expression: 'size=2G', matches: true },
    { expression: 'size<2GB', matches: false },
    { expression: 'size<=2147483648', matches: true },
    { expression: 'size<1.5TiB and size>=500MB and size>2000kb', matches: true },
    { expression: 'virtual_size > 2GiB', matches: true },
    { expression: 'min_ram<=512 and min_ram', matches: true },
    { expression: 'min_disk', matches: false },
    // Times.
    { expression: 'updated<30d', matches: true },
    { expression: 'updated<1d12h', matches: false },
    { expression: 'created>1y', matches: true },
    { expression: 'created>2025-01-01', matches: false },
    { expression: 'created>=2025-01-01 and created<2025', matches: false },
    { expression: 'updated_at>2026-01-24T23:59:59+01:00', matches: true },
    // Custom properties.
    { expression: 'os_distro', matches: true },
    { expression: 'os_distro=[tu]*', matches: true },
    { expression: 'os_version', matches: false },
    { expression: 'os_version=24', matches: false },
    { expression: 'os_version!=24', matches: true },
    { expression: 'os_version<24 or os_version>=24', matches: false },
    { expression: 'hw:cpu_cores>=4', matches: true },
    { expression: 'os_distro>4', matches: false },
    { expression: '"size"="of a shoe"', matches: true },
    { expression: 'note and note=""', matches: true },
    { expression: 'none', matches: false },
    // And, or, not.
    { expression: 'protected and tag=lts', matches: true },
    { expression: 'protected && !tag=lts', matches: false },
    { expression: 'hidden or protected and tag=none', matches: false },
    { expression: '(hidden or protected) and not tag=none', matches: true },
    { expression: 'hidden || (protected)', matches: true },
    { expression: 'NOT(hidden)AND(protected)', matches: true },
    { expression: 'not not protected', matches: true },
  ]) {
    t.test(expression, async t => {
      t.equal(matcher(parseFilter(expression), NOW)(UBUNTU), matches)
    })
  }
  t.end()
})

t.test('a mistake is told with its column, and shown', t => {
  for (const { expression, message, column } of [
    {
      expression: 'name=ubuntu-*)',
      message: "unexpected ')' at column 14, expected 'and', 'or' or the end",
      column: 14,
    },
    { expression: '', message: 'unexpected end at column 1, expected a condition', column: 1 },
    {
      expression: '(a=1 or b',
      message: "unexpected end at column 10, expected 'and', 'or' or ')'",
      column: 10,
    },
    { expression: 'a and or b', message: /^unexpected 'or' at column 7/, column: 7 },
    { expression: 'name=', message: /^unexpected end at column 6, expected a value/, column: 6 },
    { expression: 'name=a b', message: /^unexpected 'b' at column 8/, column: 8 },
    { expression: 'name=東京 ~', message: /^unexpected '~' at column 9/, column: 9 },
    { expression: 'name="a', message: 'this quotation does not end at column 6', column: 6 },
    {
      expression: 'name=~/foo/',
      message: /^unexpected '~\/foo\/' at column 6, .*did you mean ~ and a regular expression/,
      column: 6,
    },
    {
      expression: 'name!=~foo',
      message: /^unexpected '~foo' at column 7, .*did you mean/,
      column: 7,
    },
    { expression: 'name=/foo/i', message: /^unexpected '\/foo\/i' .*did you mean ~/, column: 6 },
    {
      expression: 'name = = a',
      message: /^unexpected '=' at column 8, expected a value/,
      column: 8,
    },
    { expression: 'a or /foo/', message: /at column 6, .* wants a field and ~ before/, column: 6 },
    { expression: 'a & b', message: /^unexpected '&' at column 3/, column: 3 },
    {
      expression: 'name~a',
      message: /^unexpected 'a' .* expected a regular expression between slashes/,
      column: 6,
    },
    { expression: 'name~/a', message: /regular expression does not end at column 6/, column: 6 },
    { expression: 'name~/a/g', message: /the only letter .* is i, not 'g'/, column: 6 },
    { expression: 'name~/(?=a)/', message: /has a '\(\?=', and only/, column: 6 },
    { expression: 'name~/(a)\\1/', message: /cannot refer back/, column: 6 },
    { expression: 'name~/(a/', message: /'\(' that is not closed/, column: 6 },
    { expression: 'name~/a)/', message: /'\)' without/, column: 6 },
    { expression: 'name~/*/', message: /'\*' that means nothing there/, column: 6 },
    { expression: 'name~/[b-a]/', message: /'\[b-a\]', which means nothing/, column: 6 },
    { expression: 'name~/a{3,2}/', message: /numbers of '\{3,2\}' the wrong way/, column: 6 },
    { expression: 'name~/(a{99}){99}/', message: /is too large/, column: 6 },
    { expression: 'name=a[b', message: /'\[' that is not closed/, column: 6 },
    { expression: 'name=[b-a]*', message: /range b-a the wrong way/, column: 6 },
    {
      expression: 'visibility=pubic',
      message: /^visibility is one of public, .*'pubic'/,
      column: 12,
    },
    { expression: 'status="on"', message: /^status is one of queued, .*'on'/, column: 8 },
    { expression: 'protected=yes', message: /^protected is true or false, not 'yes'/, column: 11 },
    { expression: 'size>1XB', message: /^expected a size such as 500MiB, not '1XB'/, column: 6 },
    {
      expression: 'min_ram>1GiB',
      message: /^expected a whole number of MiB, not '1GiB'/,
      column: 9,
    },
    { expression: 'hw_cores>many', message: /^expected a number, not 'many'/, column: 10 },
    { expression: 'name>3', message: /^name is neither an amount nor a time/, column: 1 },
    { expression: 'size~/3/', message: /^size is no text/, column: 1 },
    { expression: 'updated', message: /^'updated' wants a comparison/, column: 1 },
    { expression: 'updated=2024', message: /^updated_at is compared with </, column: 9 },
    { expression: 'updated<30q', message: /^updated_at: expected an age such as 30d/, column: 9 },
    { expression: '('.repeat(200), message: /^nested too deeply/, column: 102 },
  ]) {
    t.test(expression.slice(0, 20), async t => {
      try {
        parseFilter(expression)
        t.fail('it was taken')
      } catch (error) {
        const { code, message: found } = error as { code: string; message: string }
        const [first = '', shown, mark] = found.split('\n')
        t.equal(code, 'usage')
        if (typeof message === 'string') t.equal(first, message)
        else t.match(first, message)
        t.equal(shown, `  ${expression}`)
        t.equal(mark, `  ${' '.repeat(column - 1)}^`)
      }
    })
  }
  t.end()
})

t.test('a filter that is printed is read as the same filter', async () => {
  fc.assert(
    fc.property(filters(), filter => {
      assert.deepEqual(parseFilter(printFilter(filter)), structuredClone(filter))
    }),
    { numRuns: 500 },
  )
})

t.test('a regular expression matches what it matches in JavaScript', async t => {
  const character = fc.constantFrom('a', 'b', 'ü', '.', '\\d', '\\w', '[a-c]', '[^a]', '\\.', '1')
  const { expression } = fc.letrec<{ expression: string; atom: string }>(tie => ({
    atom: fc.oneof(
      { maxDepth: 2, withCrossShrink: true },
      character,
      tie('expression').map(inner => `(${inner})`),
      tie('expression').map(inner => `(?:${inner})`),
    ),
    expression: fc
      .array(
        fc
          .array(
            fc.tuple(tie('atom'), fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,2}', '*?')),
            {
              maxLength: 3,
            },
          )
          .map(parts => parts.map(part => part.join('')).join('')),
        { minLength: 1, maxLength: 2 },
      )
      .map(ways => ways.join('|')),
  }))
  const text = fc.string({
    unit: fc.constantFrom('a', 'b', 'c', 'ü', '1', '.', '\n'),
    maxLength: 8,
  })
  const ends = fc.tuple(fc.constantFrom('', '^', '\\b'), fc.constantFrom('', '$', '\\B'))
  fc.assert(
    fc.property(expression, ends, text, fc.boolean(), (inner, [start, end], text, ignoreCase) => {
      const source = `${start}(?:${inner})${end}`
      const expected = new RegExp(source, ignoreCase ? 'iu' : 'u').exec(text)
      const found = compileRegex(source, ignoreCase)(text)
      return (found === null) === (expected === null)
    }),
    { numRuns: 1000 },
  )
  t.same(compileRegex('^(.*?)-(\\d+)(x)?$', false)('debian-12'), ['debian-12', 'debian'])
  t.same(compileRegex('a+?|b+', false)('caabb'), ['a', undefined])
  t.same(compileRegex('(?:a|ab)(?:c|bcd)?', false)('abcd'), ['abcd', undefined])
  t.same(compileRegex('/(?<series>[^/]+)/', false)('a/b/c'), ['/b/', 'b'])
})

t.test('no pattern takes long, whatever the text', async t => {
  const text = 'a'.repeat(20_000)
  t.equal(compileRegex('^(a+)+$', false)(`${text}!`), null)
  t.equal(compileRegex('(a|a)*b|(a?){20}c', false)(text), null)
  t.equal(compileRegex(`${'(a)?'.repeat(150)}b`, false)(text), null)
  t.same(compileRegex('^((?:(?:){9999}){9999}|(?:){9999})a', false)(text), ['a', ''])
  t.equal(globMatcher('*a*a*a*a*a*b')(text.slice(0, 2000)), false)
})

t.test('what is asked of a service leaves nothing out that the filter matches', async t => {
  const folder = t.testdir()
  for (const dataApi of ['simple', 'sqlite'] as const) {
    const server = await startTestServer(t, { dataApi, dataDir: join(folder, dataApi) })
    await fillPool(server.url)
    for (const api of [2, 1] as const) {
      t.ok((await leftOutByHints(server.url, api)) > 0, 'and it does leave something out')
    }
  }
})

/** Any filter that an expression can say. */
function filters(): fc.Arbitrary<Filter> {
  const property = fc
    .oneof(
      fc.constantFrom('os_distro', 'hw:cpu', 'size', 'and', 'tag'),
      fc.string({ minLength: 1 }),
    )
    .map((name): Field => ({ type: 'property', name }))
  const kinds = (...wanted: readonly string[]) =>
    fc
      .constantFrom(...(Object.keys(ATTRIBUTES) as AttributeName[])) // The keys of a literal.
      .filter(name => wanted.includes(ATTRIBUTES[name].kind))
      .map(attribute)
  const isFree = ({ type, name }: Field) =>
    type === 'property' || (name !== 'status' && name !== 'visibility')
  const text = fc.oneof(property, kinds('text', 'tags')).filter(isFree)
  const order = fc.constantFrom('lt', 'lte', 'gt', 'gte')
  const comparison = fc.oneof(order, fc.constant('eq' as const))
  const time = new Date('2024-05-06T07:08:09.123Z')
  const condition: fc.Arbitrary<Filter> = fc.oneof(
    fc.record({
      type: fc.constant('set' as const),
      field: fc.oneof(
        property,
        kinds('number', 'flag', 'tags', 'text').filter(
          field => isFree(field) && field.name !== 'id',
        ),
      ),
    }),
    fc.record({
      type: fc.constant('exact' as const),
      field: text,
      value: fc.oneof(fc.string(), fc.constantFrom('a "b" \\', "it's", '', '(', '*', '\n')),
    }),
    fc.record({
      type: fc.constant('glob' as const),
      field: text,
      pattern: fc.constantFrom('ubuntu-*', '?', '[a-z]\\ b', 'a\\"*', '*\\&\\&', '[!x]', '\\\\*|x'),
    }),
    fc.record({
      type: fc.constant('regex' as const),
      field: text,
      source: fc.constantFrom('^a', 'a/b', '[/\\]]+', '\\\\/', '(a|b){2,3}?', '" \\)'),
      ignoreCase: fc.boolean(),
    }),
    fc.record({
      type: fc.constant('flag' as const),
      field: kinds('flag'),
      value: fc.boolean(),
    }),
    fc.record({
      type: fc.constant('number' as const),
      field: kinds('number'),
      comparison,
      value: fc.nat(),
    }),
    fc.record({
      type: fc.constant('number' as const),
      field: property,
      comparison: order,
      value: fc.constantFrom(-1.5, 0, 3, 24.04, 999_999_999_999_999),
    }),
    fc.record({
      type: fc.constant('time' as const),
      field: kinds('time'),
      comparison: order,
      value: fc.constant(time),
    }),
    fc.record({
      type: fc.constant('age' as const),
      field: kinds('time'),
      comparison: order,
      seconds: fc.nat(),
    }),
  )
  const { filter } = fc.letrec<{ filter: Filter }>(tie => ({
    filter: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      condition,
      fc.record({ type: fc.constant('not' as const), filter: tie('filter') }),
      fc.record({
        type: fc.constantFrom('and' as const, 'or' as const),
        filters: fc.array(tie('filter'), { minLength: 2, maxLength: 3 }),
      }),
    ),
  }))
  return filter
}
