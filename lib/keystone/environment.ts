import { arranged, type CloudConfig } from './cloud-config.ts'
import type { CloudName } from './clouds.ts'

/** Whose variables are meant; `sole` where there is one endpoint only. */
export type EnvironmentSide = 'source' | 'target' | 'sole'

/** What `OS_*` say for one side. */
export interface SideVariables {
  /** What they say themselves. */
  readonly config: CloudConfig
  /** Whether the other side is told the same of `OS_*`: then it is not said whose cloud they are of. */
  readonly isShared: boolean
  /** Whether that is enough to be let in: where the identity service is, or the way around it. */
  readonly isComplete: boolean
  /** The cloud of clouds.yaml that `OS_CLOUD` or the side's own names. */
  readonly cloud: CloudName | undefined
  /** A token to be used as it is. */
  readonly token: string | undefined
  /** A password or passcode that a cloud of clouds.yaml may do without; none that belongs to another cloud. */
  secret(name: 'password' | 'passcode'): string | undefined
}

/** Variables of OpenStack's own tests, which openstacksdk leaves out too. */
const NOT_FOR_CLIENTS = /^OS_(TEST|STD|LOG)/

interface Said {
  /** Of the variable. */
  readonly name: string
  readonly value: string
}

/**
 * What the environment says for one side: `OS_SOURCE_*` or `OS_TARGET_*` over `OS_*`. A side that has an `AUTH_URL`,
 * `CLOUD` or `ENDPOINT` of its own takes nothing of `OS_*`, so that no password goes to another cloud. A sole side is
 * that of `OS_*` or the source, else the target. Empty variables count as unset.
 */
export function variablesFor(
  side: EnvironmentSide,
  environment: Readonly<NodeJS.ProcessEnv>,
): SideVariables {
  if (side === 'sole') {
    const source = variablesFor('source', environment)
    const saysAnything = source.cloud ?? source.token ?? (source.isComplete || undefined)
    const said = saysAnything === undefined ? variablesFor('target', environment) : source
    return { ...said, isShared: false }
  }
  const prefix = `OS_${side.toUpperCase()}_`
  const own = new Map<string, Said>()
  const common = new Map<string, Said>()
  for (const [name, value = ''] of Object.entries(environment)) {
    if (value === '' || NOT_FOR_CLIENTS.test(name)) continue
    if (name.startsWith(prefix)) own.set(name.slice(prefix.length).toLowerCase(), { name, value })
    else if (/^OS_(?!SOURCE_|TARGET_)/.test(name)) {
      common.set(name.slice('OS_'.length).toLowerCase(), { name, value })
    }
  }
  const isOwn = ['auth_url', 'cloud', 'endpoint'].some(name => own.has(name))
  const said = isOwn ? own : new Map([...common, ...own])
  const value = (name: string) => said.get(name)?.value
  const cloud = value('cloud')
  const isComplete = said.has('auth_url') || said.has('endpoint')
  const nameOf = (setting: string) =>
    said.get(setting)?.name ?? `${isOwn ? prefix : 'OS_'}${setting.toUpperCase()}`
  const origin = isComplete
    ? `the environment (${nameOf(said.has('auth_url') ? 'auth_url' : 'endpoint')})`
    : 'the environment'
  const document = Object.fromEntries([...said].map(([name, { value }]) => [name, value]))
  return {
    config: arranged(document, { origin, nameOf }),
    isShared: !isOwn,
    isComplete,
    cloud: cloud === undefined ? undefined : { name: cloud, region: value('region_name') },
    token: value('token') ?? value('auth_token'),
    secret: name => (isComplete ? own : said).get(name)?.value,
  }
}
