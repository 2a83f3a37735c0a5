import { GlanceError } from '../errors.ts'
import { DataConnections } from '../http/connections.ts'
import { proxiesFrom } from '../http/proxies.ts'
import { readTls, type TlsFiles } from '../http/tls.ts'
import { openCloud, tlsFilesOf } from '../keystone/cloud.ts'
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
  const config =
    token === null ? await configOf(asked?.text, side, options, variables, place) : undefined
  const files = tlsFilesFor(side, options, config ?? variables.config, environment)
  const connections = new DataConnections({
    tls: await readTls(files, environment),
    proxies: proxiesFrom(environment),
  })
  const told = (url: string) => {
    if (files.insecure === true && url.startsWith('https:')) log.warning(danger(side, url))
    return url
  }
  if (config === undefined) {
    const tokens = token === null ? noToken(side, variables) : fixedToken(token)
    const region = optionFor(options, side, 'region')?.value
    return { address: told(address), name: undefined, region, tokens, connections }
  }
  const region = regionAsked(asked?.text, side, options)
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
  if (asked === undefined || !asked.isAddress) {
    const { tokens } = cloud
    return { address: told(address), name: undefined, region: at, tokens, connections }
  }
  const url = told(await cloud.imageUrl({ signal }))
  const name = `cloud:${parseCloudName(asked.text).name || OF_ENVIRONMENT}`
  return {
    address: url,
    name: at === undefined ? name : `${name}/${at}`,
    region: at,
    tokens: cloud.tokens,
    connections,
  }
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
  text: string | undefined,
  side: Side,
  options: IdentityOptions,
  variables: SideVariables,
  place: Place,
): Promise<CloudConfig | undefined> {
  const isNamed = text !== undefined && text !== '' && parseCloudName(text).name !== OF_ENVIRONMENT
  if (isNamed) {
    const name = { ...parseCloudName(text), region: regionAsked(text, side, options) }
    return withSecrets(await cloudNamed(name, place), variables)
  }
  if (variables.cloud !== undefined) {
    const region = regionAsked(text, side, options) ?? variables.cloud.region
    const name: CloudName = { ...parseCloudName(variables.cloud.name), region }
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
  text: string | undefined,
  side: Side,
  options: IdentityOptions,
): string | undefined {
  const option = optionFor(options, side, 'region')
  const named = text === undefined ? undefined : parseCloudName(text).region
  if (option === undefined || named === undefined || option.value === named) {
    return named ?? option?.value
  }
  if (option.option === '--region') return named
  throw new GlanceError('usage', `${option.option} and '${text}' are two regions: name one`)
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

function tlsFilesFor(
  side: Side,
  options: IdentityOptions,
  config: CloudConfig,
  environment: Place['environment'],
): TlsFiles {
  const files = tlsFilesOf(config, environment['HOME'] ?? '')
  const file = (name: 'cacert' | 'cert' | 'key') => {
    const said = optionFor(options, side, name)
    return said && { path: said.value, by: said.option }
  }
  const cert = file('cert')
  return {
    cacert: file('cacert') ?? files.cacert,
    cert: cert ?? files.cert,
    key: file('key') ?? (cert === undefined ? files.key : undefined), // One is of no use for the other.
    insecure: optionFor(options, side, 'insecure')?.value ?? files.insecure,
  }
}

function danger(side: Side, url: string): string {
  const whose = side === 'sole' ? '' : `${side}: `
  return (
    `${whose}NOT SECURE: the certificate of ${new URL(url).host} is not checked. Whoever is on the way there ` +
    'can read the credentials and change the images; --cacert is the way to trust a private authority'
  )
}
