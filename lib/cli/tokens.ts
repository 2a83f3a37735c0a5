import { readFile } from 'node:fs/promises'
import { GlanceError, messageOf } from '../errors.ts'
import type { EndpointOptions } from './options.ts'

/** Whose token is wanted; `sole` where a command has but one endpoint. */
export type Side = 'source' | 'target' | 'sole'

/**
 * The token for one side. `--token` counts for both sides whatever else is given, as it always did; then come the
 * side's own option and file, the file for both, and the environment. The sole endpoint of a command takes the token of
 * either side. Null when there is none. @throws {GlanceError} `usage` for a file that gives no token.
 */
export async function tokenFor(
  side: Side,
  options: EndpointOptions,
  environment: Readonly<NodeJS.ProcessEnv>,
): Promise<string | null> {
  if (side === 'sole') {
    return (
      (await tokenFor('source', options, environment)) ??
      (await tokenFor('target', options, environment))
    )
  }
  const own = side === 'source' ? options.sourceToken : options.targetToken
  const ownFile = side === 'source' ? options.sourceTokenFile : options.targetTokenFile
  const given = options.token ?? own
  if (given !== undefined) return checked(given, 'the token on the command line')
  const file = ownFile ?? options.tokenFile
  if (file !== undefined) return await readToken(file)
  const names = [`OS_${side.toUpperCase()}_TOKEN`, 'OS_TOKEN', 'OS_AUTH_TOKEN']
  for (const name of names) {
    const token = environment[name] ?? ''
    if (token !== '') return checked(token, name)
  }
  return null
}

/** It becomes the value of a header. */
function checked(token: string, where: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token
  throw new GlanceError('usage', `${where}: a token is one word of ASCII`)
}

async function readToken(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new GlanceError('usage', `token file ${file}: ${messageOf(cause)}`, { cause })
  })
  return checked(text.trim(), `token file ${file}`)
}
