import loose from 'node:assert'
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { messageOf } from '../errors.ts'
import { isMatch } from './matching.ts'
import type { Message, Test, TestFunction, Wanted } from './test.ts'

/** The test that cases are defined by: what was given, or one by the function of a runner. */
export function testOf(given: Test | TestFunction): Test {
  return typeof given === 'function' ? testBy(given, '') : given
}

type Work = (t: Test) => Promise<void>
interface Skip {
  readonly skip?: string
}
type Rest = readonly [Work] | readonly [Skip, Work]

function caseOf(rest: Rest): { readonly skip?: string | undefined; readonly work: Work } {
  return rest.length === 1 ? { work: rest[0] } : { skip: rest[0].skip, work: rest[1] }
}

/** Cases by the function of a runner, with titles that begin with their group's. */
function testBy(define: TestFunction, prefix: string): Test {
  return {
    ...ASSERTIONS,
    group: (title, cases) => cases(testBy(define, `${prefix}${title}: `)),
    test: (title: string, ...rest: Rest) => {
      const { skip, work } = caseOf(rest)
      const whole = `${prefix}${title}`
      if (skip === undefined) return define(whole, () => runCase(work))
      return (define.skip ?? define)(`${whole} (skipped: ${skip})`, async () => {})
    },
    teardown: () => outside('teardown'),
    testdir: () => outside('testdir'),
  }
}

function outside(name: string): never {
  throw new TypeError(`${name} is for cases`)
}

/** Runs a case, and those that it defines in its turn, which have what it has opened. */
async function runCase(work: Work): Promise<void> {
  const inner: (readonly [title: string, work: Work])[] = []
  const last: (() => unknown)[] = []
  const t: Test = {
    ...ASSERTIONS,
    test: (title: string, ...rest: Rest) => {
      const { skip, work } = caseOf(rest)
      if (skip === undefined) inner.push([title, work])
    },
    teardown: work => last.push(work),
    testdir: () => {
      const path = mkdtempSync(join(tmpdir(), 'compliance-'))
      last.push(() => rmSync(path, { recursive: true, force: true }))
      return path
    },
  }
  try {
    await work(t)
    const failures: string[] = []
    for (const [title, work] of inner) {
      await runCase(work).catch((error: unknown) => failures.push(`${title}: ${messageOf(error)}`))
    }
    if (failures.length > 0) assert.fail(failures.join('\n'))
  } finally {
    for (const end of last.toReversed()) await end()
  }
}

const ASSERTIONS = {
  ok: (value: unknown, ...[message]: Message) => assert.ok(value, message),
  notOk: (value: unknown, ...[message]: Message) => assert.ok(!value, message),
  pass: () => {},
  equal: (found: unknown, wanted: unknown, ...[message]: Message) =>
    assert.equal(found, wanted, message),
  strictSame: (found: unknown, wanted: unknown, ...[message]: Message) =>
    assert.deepEqual(found, wanted, message),
  same: (found: unknown, wanted: unknown, ...[message]: Message) =>
    loose.deepEqual(found, wanted, message),
  match,
  throws: (work: () => unknown, ...[wanted = {}, message = 'it throws']: Wanted | [object]) => {
    let thrown: unknown
    try {
      work()
    } catch (error) {
      thrown = error
    }
    match(thrown, wanted, message)
  },
  rejects: async (
    work: Promise<unknown> | (() => Promise<unknown>),
    ...[wanted = {}, message = 'it rejects']: Wanted | [object]
  ) => {
    let rejection: unknown
    try {
      await (typeof work === 'function' ? work() : work)
    } catch (error) {
      rejection = error
    }
    match(rejection, wanted, message)
  },
}

function match(found: unknown, wanted: unknown, ...[message = 'it matches']: Message): void {
  if (isMatch(found, wanted)) return
  assert.fail(`${message}: found ${inspect(found)}, wanted ${inspect(wanted)}`)
}
