import { readFile } from 'node:fs/promises'
import { GlanceError, messageOf } from '../errors.ts'
import type { SideVariables } from '../keystone/environment.ts'
import type { EndpointOptions } from './options.ts'

/** Whose token is wanted; `sole` where a command has but one endpoint. */
export type Side = 'source' | 'target' | 'sole'

/**
 * The token that options give for one side. `--token` counts for both sides whatever else is given, as it always did;
 * then come the side's own option and file, and the file for both. The sole endpoint of a command takes the token of
 * either side. Null when there is none. @throws {GlanceError} `usage` for a file that gives no token.
 */
export async function givenToken(side: Side, options: EndpointOptions): Promise<string | null> {
  if (side === 'sole') {
    return (await givenToken('source', options)) ?? (await givenToken('target', options))
  }
  const own = side === 'source' ? options.sourceToken : options.targetToken
  const ownFile = side === 'source' ? options.sourceTokenFile : options.targetTokenFile
  const given = options.token ?? own
  if (given !== undefined) return checked(given, 'the token on the command line')
  const file = ownFile ?? options.tokenFile
  return file === undefined ? null : await readToken(file)
}

/** The token in the environment that is used as it is. @throws {GlanceError} `usage` for one that is none. */
export function tokenIn({ token, config }: SideVariables): string | null {
  return token === undefined ? null : checked(token, config.nameOf('token'))
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
