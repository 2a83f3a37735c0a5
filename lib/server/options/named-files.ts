import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { messageOf } from '../../errors.ts'
import type { ServerConfig } from '../config.ts'
import type { Fault } from '../oslo-config.ts'
import type { ConfigRead } from './read.ts'

/** Options without whose files a service does not start, and what they set. */
const FILES = {
  policy_file: 'policyFile',
  property_protection_file: 'propertyProtectionFile',
  image_schema_file: 'schemaFile',
} as const satisfies Readonly<Record<string, keyof ServerConfig>>

/**
 * The files that a configuration names and that cannot be read are faults of the lines that name them; such options are
 * then as if they were not set, so that they are told once.
 */
export async function withNamedFiles(read: ConfigRead): Promise<ConfigRead> {
  const faults: Fault[] = []
  const config = { ...read.config }
  for (const { option, section, place } of read.effective) {
    const name = isNamed(option.name) ? FILES[option.name] : undefined
    const path = name === undefined ? null : (config[name] ?? null)
    if (name === undefined || path === null || place === null) continue
    const reason = await unreadable(path)
    if (reason === null) continue
    const message = `[${section}] ${option.name}: ${path} cannot be read: ${reason}`
    faults.push({ ...place, message })
    delete config[name]
  }
  return { ...read, config, faults: [...read.faults, ...faults] }
}

function isNamed(name: string): name is keyof typeof FILES {
  return Object.hasOwn(FILES, name)
}

/** Why not; null for one that can. */
async function unreadable(path: string): Promise<string | null> {
  try {
    const isFolder = (await stat(path)).isDirectory()
    await access(path, constants.R_OK)
    return isFolder ? 'it is a folder' : null
  } catch (error) {
    return messageOf(error)
  }
}
