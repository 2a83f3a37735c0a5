import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { run } from './program.ts'
import type { TestServer } from './server.ts'
import { twoServers } from './two-servers.ts'

/** Two servers and the file of a plan that is to make the second as the first. */
export async function planned(
  t: Test,
  numbers: readonly number[],
  prepare: (one: TestServer, two: TestServer) => Promise<void> = async () => {},
  words: readonly string[] = [],
  folder = t.testdir(),
): Promise<{ one: TestServer; two: TestServer; plan: string }> {
  const [one, two] = await twoServers(t, numbers)
  await prepare(one, two)
  const plan = join(folder, 'plan')
  const made = await run(['livecopy', ...words, '--save-plan', plan, one.url, two.url])
  t.equal(made.status, 0, made.stderr)
  return { one, two, plan }
}

/** What the lines of a plan say. */
export const linesOf = async (plan: string) =>
  (await readFile(plan, 'utf8'))
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Readonly<Record<string, unknown>>)

/** A patch of one attribute. */
export const set = (name: string, value: unknown) => [{ op: 'replace', path: `/${name}`, value }]
