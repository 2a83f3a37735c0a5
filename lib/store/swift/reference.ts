import { readFile } from 'node:fs/promises'
import { GlanceError, messageOf } from '../../errors.ts'
import { type AuthVersion, authVersion, type SwiftSettings } from './settings.ts'

/** An account of Swift, and how to be let in. */
export interface SwiftAccount {
  readonly authVersion: AuthVersion
  /** Where authentication is; https unless it says otherwise. */
  readonly authAddress: string
  /** For the versions 2 and 3 `project:user`. */
  readonly user: string
  readonly key: string
  readonly userDomain: Domain
  readonly projectDomain: Domain
}

type Domain = { readonly id: string } | { readonly name: string }

export const DEFAULT_DOMAIN: Domain = { id: 'default' }

/**
 * The accounts that a store knows by name: those of its file, or the one of its own options.
 * @throws {GlanceError} `usage` for a file that cannot be read or is not one, with the line but nothing that is in it.
 */
export async function readAccounts(
  settings: SwiftSettings,
): Promise<ReadonlyMap<string, SwiftAccount>> {
  const { configFile, authAddress, user, key, reference } = settings
  if (configFile !== null) return await accountsIn(configFile, settings)
  if (authAddress === null || user === null || key === null) return new Map()
  const account = {
    authVersion: settings.authVersion,
    authAddress,
    user,
    key,
    userDomain: DEFAULT_DOMAIN,
    projectDomain: DEFAULT_DOMAIN,
  }
  return new Map([[reference, account]])
}

async function accountsIn(
  file: string,
  settings: SwiftSettings,
): Promise<ReadonlyMap<string, SwiftAccount>> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new GlanceError('usage', `swift_store_config_file: ${messageOf(cause)}`, { cause })
  })
  const accounts = new Map<string, SwiftAccount>()
  for (const [name, values] of sectionsIn(file, text)) {
    const required = (option: string): string => {
      const value = values.get(option)
      if (value) return value
      throw new GlanceError('usage', `${file}: [${name}] ${option}: has to be set`)
    }
    const domainOf = (what: 'user' | 'project'): Domain => {
      const byName = values.get(`${what}_domain_name`)
      const id = values.get(`${what}_domain_id`)
      if (id) return { id }
      return byName ? { name: byName } : DEFAULT_DOMAIN
    }
    const version = values.get('auth_version')
    const option = `${file}: [${name}] auth_version`
    accounts.set(name, {
      authVersion: version ? authVersion({ name: option, value: version }) : settings.authVersion,
      authAddress: required('auth_address'),
      user: required('user'),
      key: required('key'),
      userDomain: domainOf('user'),
      projectDomain: domainOf('project'),
    })
  }
  return accounts
}

/** Sections of `name = value` or `name: value`, as Python's configparser reads them; values may be in quotes. */
function sectionsIn(file: string, text: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const sections = new Map<string, Map<string, string>>()
  let section: Map<string, string> | undefined
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(?:[#;].*)?$/.test(line)) continue
    const [, name] = /^\[([^\]]+)\]\s*$/.exec(line) ?? []
    if (name !== undefined) {
      section = sections.get(name) ?? new Map<string, string>()
      sections.set(name, section)
      continue
    }
    const [, option, value = ''] = /^\s*([^=:\s]+)\s*[=:]\s*(.*?)\s*$/.exec(line) ?? []
    const [, , quoted] = /^(["'])(.*)\1$/.exec(value) ?? []
    const isOpen = quoted === undefined && /^["']/.test(value)
    if (section === undefined || option === undefined || isOpen) {
      const wanted = isOpen ? 'a quote is not closed' : 'expected [name] or name = value'
      throw new GlanceError('usage', `${file}:${index + 1}: ${wanted}`)
    }
    section.set(option.toLowerCase(), quoted ?? value)
  }
  return sections
}
