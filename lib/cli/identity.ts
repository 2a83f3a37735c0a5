import { GlanceError } from '../errors.ts'
import { DataConnections } from '../http/connections.ts'
import { proxiesFrom } from '../http/proxies.ts'
import { readTls, type TlsFiles } from '../http/tls.ts'
import { redact } from '../http/redact.ts'
import { type Cloud, openCloud, tlsFilesOf } from '../keystone/cloud.ts'
import type { CloudConfig } from '../keystone/cloud-config.ts'
import type { Place } from '../keystone/cloud-files.ts'
import { type CloudName, cloudNamed, parseCloudName } from '../keystone/clouds.ts'
import { type SideVariables, variablesFor } from '../keystone/environment.ts'
import { fixedToken, type TokenSource } from '../keystone/token-source.ts'
import { type IdentityOptions, optionFor } from './identity-options.ts'
import type { Log } from './log.ts'
import type { EndpointOptions } from './options.ts'
import { givenToken, type Side, tokenIn } from './tokens.ts'

/** An endpoint that was named, with how to get there and be let in. */
export interface Identified {
  /** The address of the service itself. */
  readonly address: string
  /** For messages; undefined for the address. */
  readonly name: string | undefined
  /** Of the service, as far as it was said. */
  readonly region?: string | undefined
  readonly tokens: TokenSource
  /** Asks for the projects there; undefined where no Keystone is known. */
  readonly projects?: Cloud['projects'] | undefined
  readonly connections: DataConnections
}

export interface IdentitySurroundings extends Place {
  readonly log: Log
  readonly signal: AbortSignal
}

/** What openstacksdk calls the cloud that the environment describes. */
const OF_ENVIRONMENT = 'envvars'

/**
 * Finds out who we are at `address`: `cloud:NAME[/REGION]`, or a server with whatever credentials were given for its
 * side. A token that was given is used as it is; else a cloud by option, the token of the environment, the cloud that
 * the environment names, and the one that it describes.
 * @throws {GlanceError} `usage` for what was said wrong; as the identity service of a cloud does.
 */
export async function identify(
  address: string,
  side: Side,
  options: EndpointOptions,
  { log, signal, ...place }: IdentitySurroundings,
): Promise<Identified> {
  const { environment } = place
  const variables = variablesFor(side, environment)
  const asked = cloudOf(address, side, options)
  const given = await givenToken(side, options)
  if (given !== null && asked !== undefined) {
    const what = asked.option ?? `'${address}'`
    throw new GlanceError('usage', `${what}: a cloud gives tokens itself; leave the token away`)
  }
  const token = given ?? (asked === undefined ? tokenIn(variables) : null)
  const config = token === null ? await configOf(asked, side, options, variables, place) : undefined
  const files = tlsFilesFor(side, options, [variables.config, config], environment)
  const connections = new DataConnections({
    tls: await readTls(files, environment),
    proxies: proxiesFrom(environment),
  })
  const warned = new Set<string>()
  /** Before anything is sent there. */
  const told = (url: string) => {
    const host = URL.canParse(url) && url.startsWith('https:') ? new URL(url).host : undefined
    if (files.insecure !== true || host === undefined || warned.has(host)) return url
    warned.add(host)
    log.warning(danger(side, host))
    return url
  }
  if (config === undefined) {
    const tokens = token === null ? noToken(side, variables) : fixedToken(token)
    const region = optionFor(options, side, 'region')?.value
    return { address: told(address), name: undefined, region, tokens, connections }
  }
  told(config.auth.get('auth_url') ?? '')
  const region = regionAsked(asked, side, options)
  const at = region ?? config.settings.get('region_name')
  const { value: only } = optionFor(options, side, 'interface') ?? {}
  const cloud = openCloud(config, {
    connections,
    timeoutMs: options.timeout * 1000,
    attempts: options.attempts,
    signal,
    onToken: message => log.debug(`${side === 'sole' ? '' : `${side}: `}${message}`),
    wanted: {
      ...(region === undefined ? {} : { region }),
      ...(only === undefined ? {} : { interfaces: [only] }),
    },
  })
  const access = { tokens: cloud.tokens, projects: cloud.projects }
  if (asked === undefined && isForBoth(side, options, environment)) {
    await requireKnown(address, side, config, cloud, signal)
  }
  if (asked === undefined || !asked.isAddress) {
    return { address: told(address), name: undefined, region: at, ...access, connections }
  }
  const url = told(await cloud.imageUrl({ signal }))
  const name = `cloud:${parseCloudName(asked.text).name || OF_ENVIRONMENT}`
  return {
    address: url,
    name: at === undefined ? name : `${name}/${at}`,
    region: at,
    ...access,
    connections,
  }
}

/** Whether what `OS_*` say counts for another service as well, so that it is not said whose cloud they are of. */
function isForBoth(
  side: Side,
  options: EndpointOptions,
  environment: Place['environment'],
): boolean {
  if (side === 'sole' || !variablesFor(side, environment).isShared) return false
  const other = side === 'source' ? 'target' : 'source'
  const ends = options as EndpointOptions & Partial<Record<typeof other, unknown>> // Of commands that have both.
  const address = ends[other]
  return (
    typeof address === 'string' &&
    !/^[a-z]+:(?!\/\/|\d)/.test(address) && // A directory, or a cloud that has credentials of its own.
    variablesFor(other, environment).isShared &&
    optionFor(options, other, 'cloud') === undefined
  )
}

/** Lest a token that `OS_*` give for one cloud goes to the other. @throws {GlanceError} `usage`. */
async function requireKnown(
  address: string,
  side: Side,
  config: CloudConfig,
  cloud: Cloud,
  signal: AbortSignal,
): Promise<void> {
  const url = address.includes('://') ? address : `http://${address}`
  if (!URL.canParse(url) || (await cloud.hasImagesAt(new URL(url).hostname, { signal }))) return
  const own = `OS_${side.toUpperCase()}_`
  throw new GlanceError(
    'usage',
    `'${redact(url)}' is not in the catalogue of ${config.nameOf('auth_url')}, and gets no token of it: ` +
      `if it should, say so by --${side}-cloud or ${own}AUTH_URL and the others of ${own}*`,
  )
}

/** For a service that may want none, and how to give one if it does. */
function noToken(side: Side, { config }: SideVariables): TokenSource {
  const option = side === 'sole' ? '--token-file' : `--${side}-token-file`
  return {
    ...fixedToken(null),
    advice:
      'no token was given: name a cloud (cloud:NAME), ' +
      `set ${config.nameOf('auth_url')} and the others, or give a token (${option})`,
  }
}

/** Which cloud was asked for, by whom; `isAddress` when its catalogue is to say where the service is. */
interface AskedCloud {
  /** NAME, NAME/REGION, or nothing for that of the environment. */
  readonly text: string
  readonly isAddress: boolean
  readonly option: string | undefined
}

function cloudOf(address: string, side: Side, options: IdentityOptions): AskedCloud | undefined {
  const option = optionFor(options, side, 'cloud')
  const named = isCloud(address) ? address.slice('cloud:'.length) : undefined
  if (named === undefined) {
    return option && { text: option.value, isAddress: false, option: option.option }
  }
  if (option === undefined || named === '') {
    return {
      text: named === '' ? (option?.value ?? '') : named,
      isAddress: true,
      option: option?.option,
    }
  }
  if (option.option === '--cloud' || option.value === parseCloudName(named).name) {
    return { text: named, isAddress: true, option: undefined }
  }
  throw new GlanceError('usage', `${option.option} and '${address}' are two clouds: name one`)
}

/** Whether this names a cloud, not the port of a host called so. */
function isCloud(address: string): boolean {
  return address.startsWith('cloud:') && !/^cloud:\d+(\/|$)/.test(address)
}

/** What is said of the cloud that is meant; undefined where none is, and no credentials are needed then. */
async function configOf(
  asked: AskedCloud | undefined,
  side: Side,
  options: IdentityOptions,
  variables: SideVariables,
  place: Place,
): Promise<CloudConfig | undefined> {
  const text = asked?.text
  const named = text === undefined ? '' : parseCloudName(text).name
  if (text !== undefined && named !== '' && named !== OF_ENVIRONMENT) {
    const name = { ...parseCloudName(text), region: regionAsked(asked, side, options) }
    return withSecrets(await cloudNamed(name, place), variables)
  }
  if (variables.cloud !== undefined) {
    const region = regionAsked(asked, side, options) ?? variables.cloud.region
    const name: CloudName = { name: variables.cloud.name, region }
    return withSecrets(await cloudNamed(name, place), variables)
  }
  if (variables.isComplete) return variables.config
  if (text === undefined) return undefined
  const prefix = side === 'sole' ? 'OS_' : `OS_${side.toUpperCase()}_`
  throw new GlanceError(
    'usage',
    `which cloud? neither --cloud nor ${prefix}CLOUD names one, and ${prefix}AUTH_URL is not set`,
  )
}

/** @throws {GlanceError} `usage` where the address and an option say different ones. */
function regionAsked(
  asked: AskedCloud | undefined,
  side: Side,
  options: IdentityOptions,
): string | undefined {
  const option = optionFor(options, side, 'region')
  const named = asked === undefined ? undefined : parseCloudName(asked.text).region
  if (option === undefined || named === undefined || option.value === named) {
    return named ?? option?.value
  }
  if (option.option === '--region') return named
  if (asked?.option === '--cloud') return option.value // What is said of one side comes first.
  throw new GlanceError('usage', `${option.option} and '${asked?.text}' are two regions: name one`)
}

/** With what nobody likes to write into a file, from the environment where the file has none. */
function withSecrets(config: CloudConfig, variables: SideVariables): CloudConfig {
  const auth = new Map(config.auth)
  for (const name of ['password', 'passcode'] as const) {
    const secret = variables.secret(name)
    const isWanted = auth.has('username') || auth.has('user_id')
    if (secret !== undefined && isWanted && !auth.has(name) && !auth.has('token')) {
      auth.set(name, secret)
    }
  }
  return { ...config, auth }
}

/** The options of a side come first, then its variables, then what its cloud says. */
function tlsFilesFor(
  side: Side,
  options: IdentityOptions,
  configs: readonly (CloudConfig | undefined)[],
  environment: Place['environment'],
): TlsFiles {
  const said = configs
    .filter(config => config !== undefined)
    .map(config => tlsFilesOf(config, environment['HOME'] ?? ''))
  const own = said.find(({ cert }) => cert !== undefined)
  const file = (name: 'cacert' | 'cert' | 'key') => {
    const option = optionFor(options, side, name)
    return option && { path: option.value, by: option.option }
  }
  const cert = file('cert')
  return {
    cacert: file('cacert') ?? said.find(({ cacert }) => cacert !== undefined)?.cacert,
    cert: cert ?? own?.cert,
    key: file('key') ?? (cert === undefined ? own?.key : undefined), // One is of no use for the other.
    insecure:
      optionFor(options, side, 'insecure')?.value ?? said.some(({ insecure }) => insecure === true),
  }
}

function danger(side: Side, host: string): string {
  const whose = side === 'sole' ? '' : `${side}: `
  return (
    `${whose}NOT SECURE: the certificate of ${host} is not checked. Whoever is on the way there ` +
    'can read the credentials and change the images; --cacert is the way to trust a private authority'
  )
}
