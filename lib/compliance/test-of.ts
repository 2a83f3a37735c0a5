import assert from 'node:assert/strict'
import loose from 'node:assert'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { isMatch } from './matching.ts'
import type { Test, TestFunction } from './test.ts'

/** Defines the cases of a suite by the function of a runner, with titles that begin with their group's. */
export function testOf(define: TestFunction, prefix = ''): Test {
  return {
    ...ASSERTIONS,
    group: (title, cases) => cases(testOf(define, `${prefix}${title}: `)),
    test: (title: string, ...rest: readonly [...(readonly [Skip] | readonly []), Work]) => {
      const work = rest.at(-1) as Work // The last one is.
      const skip = rest.length > 1 ? (rest[0] as Skip).skip : undefined
      const whole = `${prefix}${title}`
      if (skip === undefined) return define(whole, () => runCase(work))
      return (define.skip ?? define)(`${whole} (skipped: ${skip})`, async () => {})
    },
    teardown: () => outside('teardown'),
    testdir: () => outside('testdir'),
  }
}

type Work = (t: Test) => Promise<void>
interface Skip {
  readonly skip?: string
}

function outside(name: string): never {
  throw new TypeError(`${name} is for cases`)
}

async function runCase(work: Work): Promise<void> {
  const last: (() => unknown)[] = []
  const t: Test = {
    ...ASSERTIONS,
    test: () => {
      throw new TypeError('cases do not nest')
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
  } finally {
    for (const end of last.toReversed()) await end()
  }
}

const ASSERTIONS = {
  ok: (value: unknown, message?: string) => assert.ok(value, message),
  notOk: (value: unknown, message?: string) => assert.ok(!value, message),
  pass: () => {},
  equal: (found: unknown, wanted: unknown, message?: string) =>
    assert.equal(found, wanted, message),
  strictSame: (found: unknown, wanted: unknown, message?: string) =>
    assert.deepEqual(found, wanted, message),
  same: (found: unknown, wanted: unknown, message?: string) =>
    loose.deepEqual(found, wanted, message),
  match,
  throws: (work: () => unknown, wanted: object, message?: string) => {
    let thrown: unknown
    try {
      work()
    } catch (error) {
      thrown = error
    }
    match(thrown, wanted, message ?? 'it throws')
  },
  rejects: async (
    work: Promise<unknown> | (() => Promise<unknown>),
    wanted: object = {},
    message = 'it rejects',
  ) => {
    let rejection: unknown
    try {
      await (typeof work === 'function' ? work() : work)
    } catch (error) {
      rejection = error
    }
    match(rejection, wanted, message)
  },
} as const satisfies Partial<Test>

function match(found: unknown, wanted: unknown, message = 'it matches'): void {
  if (isMatch(found, wanted)) return
  assert.fail(`${message}: found ${inspect(found)}, wanted ${inspect(wanted)}`)
}
