/**
 * What the suites need of a test: tap's `t` is one, and {@link testOf} makes one of the function by which other runners
 * define a test. What an assertion finds wrong fails the test, at once or when it ends.
 */
export interface Test {
  /** Defines a case, or does not but tells why it is skipped. */
  test(title: string, work: (t: Test) => Promise<void>): unknown
  test(
    title: string,
    options: { readonly skip?: string },
    work: (t: Test) => Promise<void>,
  ): unknown
  /** Defines cases that belong together, where a runner has no cases within cases. */
  group?(title: string, cases: (t: Test) => void): void
  /** Is done when the test is over, the last one first. */
  teardown(work: () => unknown): unknown
  /** The path of a folder that is empty, and gone when the test is over. */
  testdir(): string
  ok(value: unknown, message?: string): unknown
  notOk(value: unknown, message?: string): unknown
  pass(message?: string): unknown
  /** Whether both are the same by `Object.is`. */
  equal(found: unknown, wanted: unknown, message?: string): unknown
  /** Whether they look alike in depth, and are of the same types. */
  strictSame(found: unknown, wanted: unknown, message?: string): unknown
  /** Whether they look alike in depth, where `1` is as good as `'1'`. */
  same(found: unknown, wanted: unknown, message?: string): unknown
  /**
   * Whether what is wanted is found: of objects the members that are named, of text a part, or what a regular expression
   * matches.
   */
  match(found: unknown, wanted: unknown, message?: string): unknown
  throws(work: () => unknown, wanted: object, message?: string): unknown
  /** Whether it rejects with what {@link match}es. */
  rejects(
    work: Promise<unknown> | (() => Promise<unknown>),
    wanted?: object,
    message?: string,
  ): Promise<unknown>
}

/** Defines a test; `skip` instead tells of one that is not run. node:test's `test` is one, vitest's, and mocha's `it`. */
export interface TestFunction {
  (title: string, work: () => Promise<void>): unknown
  readonly skip?: (title: string, work: () => Promise<void>) => unknown
}

/** Cases that belong together. */
export function group(t: Test, title: string, cases: (t: Test) => void): void {
  if (t.group === undefined) t.test(title, async t => cases(t))
  else t.group(title, cases)
}
