import { DataConnections } from '../../http/connections.ts'
import { type ServiceAccount, Trustee } from '../../keystone/trust.ts'
import type { StoreOptions } from '../options.ts'
import type { Store } from '../store.ts'
import { keystoneCredentials } from './access.ts'
import { openConnections, TIMEOUT_MS } from './connections.ts'
import { readAccounts } from './reference.ts'
import { swiftSettings, type SwiftSettings } from './settings.ts'
import { SwiftStore } from './swift.ts'
import { TenantSwiftStore } from './tenant-store.ts'

/**
 * `service` opens the account of the service itself, for a store that is asked in the name of others and has no account
 * of its own; null for a service that is nobody.
 * @throws {GlanceError} `usage` for settings by which nothing can be written.
 */
export async function openSwift(
  id: string,
  settings: SwiftSettings,
  service: (() => Promise<ServiceAccount>) | null,
): Promise<Store> {
  if (!settings.multiTenant) return await SwiftStore.open(id, settings)
  const connections = await openConnections(settings)
  const own = await ownAccount(settings, connections)
  const account = own ?? (await service?.()) ?? null
  const options = { origin: `store ${id}`, marginMs: settings.expireSoonMs }
  const trustee = account === null ? null : new Trustee(account, options)
  const opened = [connections, ...(account === null ? [] : [account.connections])] as const
  return new TenantSwiftStore(id, settings, opened, trustee)
}

/** As Glance, the user in the options of the store. @throws {GlanceError} `usage` for one without a project. */
async function ownAccount(
  settings: SwiftSettings,
  connections: DataConnections,
): Promise<ServiceAccount | undefined> {
  // Only the version 3 of the Identity API has trusts; Folsom wanted the options set and used them for nothing.
  if (settings.authVersion !== '3') return undefined
  const account = (await readAccounts(settings)).get(settings.reference)
  if (account === undefined) return undefined
  return { credentials: keystoneCredentials(account), connections, timeoutMs: TIMEOUT_MS }
}

/** A store for locations that have the credentials themselves, by those of the options that are not wrong. */
export function readingSwift(id: string, options: StoreOptions): Store {
  const usable = Object.entries(options).filter(
    ([name, value]) => !NAMING_OTHERS.includes(name) && isUsable({ [name]: value }),
  )
  const settings = swiftSettings(Object.fromEntries(usable))
  return new SwiftStore(id, settings, new Map(), new DataConnections())
}

/** By which locations would have no credentials. */
const NAMING_OTHERS: readonly string[] = ['swift_store_multi_tenant', 'swift_store_config_file']

function isUsable(options: StoreOptions): boolean {
  try {
    swiftSettings(options)
    return true
  } catch {
    return false
  }
}
