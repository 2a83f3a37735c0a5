import { lookup as lookUp } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import { GlanceError, messageOf } from '../errors.ts'
import { redact } from './redact.ts'

/** Which URLs given by users are fetched. Of a pair of lists the second counts only while the first is empty. */
export interface UriFilter {
  readonly allowedSchemes: readonly string[]
  readonly disallowedSchemes: readonly string[]
  /** A host that stands here may also be in this machine or its own network. */
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
  const host = hostOf(url)
  const scheme = url.protocol.slice(0, -1)
  if (scheme !== 'http' && scheme !== 'https')
    throw refused(url, `there is no way to fetch ${scheme}:`)
  if (!passes(scheme, filter.allowedSchemes, filter.disallowedSchemes)) {
    throw refused(url, `the scheme ${scheme} is not allowed`)
  }
  const { allowedHosts, disallowedHosts, allowedPorts, disallowedPorts } = filter
  if (host === '' || !passes(host, allowedHosts, disallowedHosts)) {
    throw refused(url, 'the host is not allowed')
  }
  if (url.port !== '' && !passes(Number(url.port), allowedPorts, disallowedPorts)) {
    throw refused(url, `port ${url.port} is not allowed`)
  }
  const blocked = new Set(allowedHosts.length > 0 ? [] : disallowedHosts)
  const addresses = await addressesOf(url, host, look)
  const admitted = addresses.find(
    ({ address }) => allowedHosts.includes(host) || !(blocked.has(address) || isInternal(address)),
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

async function addressesOf(url: URL, host: string, look: LookUp): Promise<readonly Address[]> {
  const family = isIP(host)
  if (family !== 0) return [{ address: host, family }]
  try {
    return await look(host)
  } catch (error) {
    throw refused(url, `the host is not known: ${messageOf(error)}`)
  }
}

function refused(url: URL, reason: string): GlanceError {
  return new GlanceError('invalid', `${redact(url)} may not be fetched: ${reason}`)
}

function isInternal(address: string): boolean {
  return INTERNAL.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

/** The registries of special-purpose addresses (RFC 6890), but for what can be reached from everywhere. */
const INTERNAL = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const) {
  INTERNAL.addSubnet(network, prefix, 'ipv4')
}
for (const [network, prefix] of [
  ['::', 127], // Unspecified and loopback.
  ['64:ff9b::', 96], // IPv4 in disguise, here and below.
  ['64:ff9b:1::', 48],
  ['2001::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 9],
  ['ff00::', 8],
] as const) {
  INTERNAL.addSubnet(network, prefix, 'ipv6')
}
