import { existsSync } from 'node:fs'
import t from 'tap'
import { isMatch } from '../../lib/compliance/matching.ts'
import { storeSuite } from '../../lib/compliance/store-suite.ts'
import { group, type Test, type TestFunction } from '../../lib/compliance/test.ts'
import { testOf } from '../../lib/compliance/test-of.ts'
import { MemoryStore } from '../../lib/store/memory.ts'

/** A runner that does nothing but remember what it is given. */
function runner(): {
  readonly define: TestFunction
  readonly cases: Map<string, () => Promise<void>>
  readonly skipped: string[]
} {
  const cases = new Map<string, () => Promise<void>>()
  const skipped: string[] = []
  const define = (title: string, work: () => Promise<void>) => void cases.set(title, work)
  return {
    define: Object.assign(define, { skip: (title: string) => void skipped.push(title) }),
    cases,
    skipped,
  }
}

t.test('the function of a runner is given each case, by a title that has its group', async t => {
  const { define, cases, skipped } = runner()
  const suite = testOf(define)
  suite.test('alone', async () => {})
  group(suite, 'images', t => {
    t.test('are kept', async () => {})
    t.test('are huge', { skip: 'no room' }, async () => {})
    t.test('are here', {}, async () => {})
  })
  t.strictSame([...cases.keys()], ['alone', 'images: are kept', 'images: are here'])
  t.strictSame(skipped, ['images: are huge (skipped: no room)'])
  const plain = new Map<string, () => Promise<void>>()
  testOf((title, work) => plain.set(title, work)).test('x', { skip: 'why' }, async () => {
    throw new Error('not run')
  })
  await plain.get('x (skipped: why)')?.()
  t.equal(plain.size, 1, 'also where the runner cannot skip')
})

t.test('a suite runs only the cases that are asked for, if there are such', t => {
  const { define, cases } = runner()
  const create = async () => ({ store: new MemoryStore('memory') })
  const [first, second] = ['a range is read exactly', 'a signal stops a reader']
  storeSuite(define, { create, only: [second, first] })
  t.strictSame([...cases.keys()].toSorted(), [first, second])
  const wrong = { create, only: [first, 'a range is red'] }
  t.throws(() => storeSuite(define, wrong), { message: "the suite has no case 'a range is red'" })
  t.end()
})

t.test('cases within a case are run by it where a runner has none of that kind', async t => {
  const titles: string[] = []
  const own = (title: string, work: unknown) => {
    titles.push(title)
    if (typeof work === 'function') Reflect.apply(work, undefined, [suite])
  }
  const suite = { test: own } as unknown as Test // As much of one as is used.
  group(suite, 'images', t => t.test('are kept', async () => {}))
  t.strictSame(titles, ['images', 'are kept'])
  const { define, cases } = runner()
  const order: string[] = []
  testOf(define).test('outer', async t => {
    t.teardown(() => order.push('closed'))
    for (const n of [1, 2]) {
      t.test(`inner ${n}`, async t => {
        order.push(`inner ${n}`)
        t.equal(n, 2)
      })
    }
    t.test('skipped', { skip: 'why' }, async () => void order.push('skipped'))
    order.push('outer')
  })
  await t.rejects(cases.get('outer')?.() ?? Promise.resolve(), { message: /^inner 1: .*1 !== 2/s })
  t.strictSame(order, ['outer', 'inner 1', 'inner 2', 'closed'])
  for (const use of ['teardown', 'testdir'] as const) {
    t.throws(() => testOf(define)[use](() => {}), { message: `${use} is for cases` })
  }
})

t.test('what a case has opened is closed when it is over, the last one first', async t => {
  const { define, cases } = runner()
  const order: number[] = []
  let path = ''
  testOf(define).test('works', async t => {
    path = t.testdir()
    for (const n of [1, 2]) t.teardown(() => order.push(n))
    t.ok(existsSync(path))
    t.equal(order.length, 0)
    throw new Error('and fails')
  })
  await t.rejects(cases.get('works')?.() ?? Promise.resolve(), { message: 'and fails' })
  t.strictSame(order, [2, 1])
  t.notOk(existsSync(path))
})

t.test('an assertion that does not hold fails the case', async t => {
  const failing: readonly [string, (t: Test) => unknown][] = [
    ['ok', t => t.ok(0)],
    ['notOk', t => t.notOk(1)],
    ['equal', t => t.equal(1, '1')],
    ['strictSame', t => t.strictSame([1], ['1'])],
    ['same', t => t.same([1], [2])],
    ['match', t => t.match({ a: 1 }, { a: 2 })],
    ['throws', t => t.throws(() => {})],
    ['throws what', t => t.throws(() => raise('a'), { message: 'b' })],
    ['rejects', t => t.rejects(Promise.resolve(1))],
    ['rejects what', t => t.rejects(Promise.reject(new Error('a')), { message: 'b' })],
  ]
  const holding: readonly [string, (t: Test) => unknown][] = [
    ['ok', t => t.ok('x')],
    ['notOk', t => t.notOk('')],
    ['pass', t => t.pass()],
    ['equal', t => t.equal(Number.NaN, Number.NaN)],
    ['strictSame', t => t.strictSame(new Map([[1, { a: [] }]]), new Map([[1, { a: [] }]]))],
    ['same', t => t.same([1], ['1'])],
    ['match', t => t.match({ a: 1, b: 2 }, { a: 1 })],
    ['throws', t => t.throws(() => raise('long text'), { message: 'text' })],
    ['rejects', t => t.rejects(Promise.reject(new Error('a')), new Error('a'))],
    ['rejects', t => t.rejects(async () => raise('a'))],
  ]
  for (const [cases, holds] of [
    [failing, false],
    [holding, true],
  ] as const) {
    for (const [title, work] of cases) {
      const made = runner()
      testOf(made.define).test(title, async t => void (await work(t)))
      const run = made.cases.get(title)?.() ?? Promise.resolve()
      if (holds) await t.resolves(run, title)
      else await t.rejects(run, title)
    }
  }
})

t.test('what matches', async t => {
  for (const [found, wanted, is] of [
    ['some text', 'text', true],
    ['some text', /^some/, true],
    ['some text', /^text/, false],
    [undefined, null, false],
    [{ a: { b: 1, c: 2 } }, { a: { b: 1 } }, true],
    [{ a: 1 }, { b: undefined }, false],
    [[{ a: 1 }, 2], [{ a: 1 }], true],
    [{ 0: 1 }, [1], false],
    [new Date(5), new Date(5), true],
    [new Date(5), new Date(6), false],
    [new Map([['a', 1]]), new Map(), false],
    [new TypeError('a'), new TypeError('a'), true],
    [new TypeError('a'), new Error('a'), false],
    [new TypeError('a'), new TypeError('b'), false],
    [Object.assign(new Error('long text'), { code: 'x' }), { code: 'x', message: 'text' }, true],
    ['a', { length: 1 }, false],
  ] as const) {
    t.equal(isMatch(found, wanted), is)
  }
})

function raise(message: string): never {
  throw new Error(message)
}
