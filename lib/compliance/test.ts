/**
 * What the suites need of a test: tap's `t` is one, and the suites make one of the function by which other runners
 * define a test. What an assertion finds wrong fails the test, at once or when it ends.
 */
export interface Test {
  /** Defines a case, or does not but tells why it is skipped. Those that a case defines run when it is done itself. */
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
  ok(value: unknown, ...message: Message): unknown
  notOk(value: unknown, ...message: Message): unknown
  pass(...message: Message): unknown
  /** Whether both are the same by `Object.is`. */
  equal(found: unknown, wanted: unknown, ...message: Message): unknown
  /** Whether they look alike in depth, and are of the same types. */
  strictSame(found: unknown, wanted: unknown, ...message: Message): unknown
  /** Whether they look alike in depth, where `1` is as good as `'1'`. */
  same(found: unknown, wanted: unknown, ...message: Message): unknown
  /**
   * Whether what is wanted is found: of objects the members that are named, of text a part, or what a regular expression
   * matches.
   */
  match(found: unknown, wanted: unknown, ...message: Message): unknown
  /** Whether it throws what {@link match}es. */
  throws(work: () => unknown, ...wanted: Wanted): unknown
  /** Whether it rejects with what {@link match}es. */
  rejects(work: Promise<unknown> | (() => Promise<unknown>), ...wanted: Wanted): Promise<unknown>
}

/** What is told when an assertion does not hold. */
export type Message = [] | [message: string]

/** An error, or some of its members. */
export type Wanted = [] | [wanted: ErrorPattern] | [wanted: ErrorPattern, message: string]
type ErrorPattern =
  | Error
  | { readonly message: string | RegExp; readonly code?: string | RegExp }
  | { readonly message?: string | RegExp; readonly code: string | RegExp }

/** Defines a test; `skip` instead tells of one that is not run. node:test's `test` is one, vitest's, and mocha's `it`. */
export interface TestFunction {
  (title: string, work: () => Promise<void>): unknown
  readonly skip?: (title: string, work: () => Promise<void>) => unknown
}

/** Cases that belong together, each of which opens what it needs. */
export function group(t: Test, title: string, cases: (t: Test) => void): void {
  if (t.group === undefined) t.test(title, async t => cases(t))
  else t.group(title, cases)
}
