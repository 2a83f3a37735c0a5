import { lookup as lookUp } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import { GlanceError, messageOf } from '../errors.ts'
import { redact } from './redact.ts'

/** Which URLs given by users are fetched. Of a pair of lists the second counts only while the first is empty. */
export interface UriFilter {
  readonly allowedSchemes: readonly string[]
  readonly disallowedSchemes: readonly string[]
  /** Names and addresses, however they are spelled. A host that stands here may also be in this machine or its own network. */
  readonly allowedHosts: readonly string[]
  readonly disallowedHosts: readonly string[]
  /** Held against a port that a URL names; the one of its scheme is always allowed. */
  readonly allowedPorts: readonly number[]
  readonly disallowedPorts: readonly number[]
}

/** Glance's defaults of `[import_filtering_opts]`. */
export const DEFAULT_FILTER: UriFilter = {
  allowedSchemes: ['http', 'https'],
  disallowedSchemes: [],
  allowedHosts: [],
  disallowedHosts: [],
  allowedPorts: [80, 443],
  disallowedPorts: [],
}

/** An address that a host name stood for when it was checked. */
export interface Address {
  readonly address: string
  readonly family: number
}

/** Names to addresses, all of them. */
export type LookUp = (host: string) => Promise<readonly Address[]>

const byDns: LookUp = host => lookUp(host, { all: true })

/**
 * Where to connect to for this URL, and to nowhere else: a name is looked up once, so that it cannot mean another
 * address when it is used than when it was checked. Addresses of this machine, of its link and of private networks are
 * refused, and what else is not on the public Internet. @throws {GlanceError} `invalid`.
 */
export async function admit(url: URL, filter: UriFilter, look: LookUp = byDns): Promise<Address> {
  const host = permittedHost(url, filter)
  const addresses = await addressesOf(host, look).catch((error: unknown) => {
    throw refused(url, `the host is not known: ${messageOf(error)}`)
  })
  return requirePublic(url, host, addresses, filter)
}

/**
 * As {@link admit} for a URL that a proxy is asked for: it alone knows where that leads, but what we know not to be
 * public is refused. @throws {GlanceError} `invalid`.
 */
export async function admitByProxy(
  url: URL,
  filter: UriFilter,
  look: LookUp = byDns,
): Promise<void> {
  const host = permittedHost(url, filter)
  const addresses = await addressesOf(host, look).catch(() => null) // Only the proxy may know names.
  if (addresses !== null) requirePublic(url, host, addresses, filter)
}

/** The host, if scheme, host and port are ones that may be asked. @throws {GlanceError} `invalid`. */
function permittedHost(url: URL, filter: UriFilter): string {
  const host = hostOf(url)
  const scheme = url.protocol.slice(0, -1)
  if (scheme !== 'http' && scheme !== 'https')
    throw refused(url, `there is no way to fetch ${scheme}:`)
  if (!passes(scheme, filter.allowedSchemes, filter.disallowedSchemes)) {
    throw refused(url, `the scheme ${scheme} is not allowed`)
  }
  const { allowedPorts, disallowedPorts } = filter
  const allowedHosts = filter.allowedHosts.map(canonical)
  if (host === '' || !passes(host, allowedHosts, filter.disallowedHosts.map(canonical))) {
    throw refused(url, 'the host is not allowed')
  }
  if (url.port !== '' && !passes(Number(url.port), allowedPorts, disallowedPorts)) {
    throw refused(url, `port ${url.port} is not allowed`)
  }
  return host
}

function requirePublic(
  url: URL,
  host: string,
  addresses: readonly Address[],
  filter: UriFilter,
): Address {
  const allowedHosts = filter.allowedHosts.map(canonical)
  const disallowedHosts = filter.disallowedHosts.map(canonical)
  const blocked = allowedHosts.length > 0 ? new BlockList() : addressesAmong(disallowedHosts)
  const admitted = addresses.find(
    ({ address }) =>
      allowedHosts.includes(host) || !(includes(blocked, address) || isInternal(address)),
  )
  if (admitted === undefined) throw refused(url, 'its address is not one on the public Internet')
  return admitted
}

function passes<T>(value: T, allowed: readonly T[], disallowed: readonly T[]): boolean {
  return allowed.length > 0 ? allowed.includes(value) : !disallowed.includes(value)
}

/** Without the brackets of an IPv6 address, and without the dot that a name may end in. */
function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
}

/** A configured host as {@link hostOf} spells it. */
function canonical(host: string): string {
  const url = `http://${isIP(host) === 6 ? `[${host}]` : host}/`
  return URL.canParse(url) ? hostOf(new URL(url)) : host
}

function addressesAmong(hosts: readonly string[]): BlockList {
  const list = new BlockList()
  for (const host of hosts) if (isIP(host) !== 0) list.addAddress(host, familyOf(host))
  return list
}

function includes(list: BlockList, address: string): boolean {
  return list.check(address, familyOf(address))
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4'
}

async function addressesOf(host: string, look: LookUp): Promise<readonly Address[]> {
  const family = isIP(host)
  return family === 0 ? await look(host) : [{ address: host, family }]
}

function refused(url: URL, reason: string): GlanceError {
  return new GlanceError('invalid', `${redact(url)} may not be fetched: ${reason}`)
}

/** Of IPv6, what is not among the addresses that are given out to be reached from everywhere is none of them. */
function isInternal(address: string): boolean {
  if (isIP(address) === 6 && !includes(GLOBAL, address)) return true
  return includes(INTERNAL, address)
}

const GLOBAL = new BlockList()
GLOBAL.addSubnet('2000::', 3, 'ipv6')

/**
 * IANA's registries of special-purpose addresses (RFC 6890), of IPv6 within {@link GLOBAL}. The few among them that can
 * be reached from everywhere are for protocols, and serve no images.
 */
const INTERNAL = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  INTERNAL.addSubnet(network, prefix, 'ipv4')
}
for (const [network, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16], // IPv4 in disguise.
  ['3fff::', 20],
] as const) {
  INTERNAL.addSubnet(network, prefix, 'ipv6')
}
