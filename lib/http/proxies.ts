import { BlockList, isIP } from 'node:net'
import { GlanceError } from '../errors.ts'

/** By which proxy a URL is asked; undefined for none. */
export type ProxyRule = (url: URL) => URL | undefined

/** No proxy for anything. */
export const DIRECT: ProxyRule = () => undefined

/**
 * The proxies of the environment: `http_proxy`, `https_proxy`, else `all_proxy`, in either case, but for what
 * `no_proxy` names: hosts with all that is below them, addresses, networks such as 10.0.0.0/8, each perhaps with a
 * port, or `*`. This machine itself is never asked by a proxy.
 * @throws {GlanceError} `usage` for a proxy that is no URL, or not one of http or https.
 */
export function proxiesFrom(environment: Readonly<NodeJS.ProcessEnv>): ProxyRule {
  const value = (name: string) => environment[name] || environment[name.toUpperCase()] || undefined
  const proxyOf = (name: string) => {
    const text = value(name) ?? value('all_proxy')
    return text === undefined ? undefined : parseProxy(text, name)
  }
  const proxies: Readonly<Record<string, URL | undefined>> = {
    'http:': proxyOf('http_proxy'),
    'https:': proxyOf('https_proxy'),
  }
  const exceptions = (value('no_proxy') ?? '').split(/[\s,]+/).filter(text => text !== '')
  return url => {
    if (isHere(url)) return undefined
    return exceptions.some(exception => isExcepted(url, exception))
      ? undefined
      : proxies[url.protocol]
  }
}

/** What is sent to the proxy for the credentials in its URL, if any. */
export function proxyHeaders({ username, password }: URL): Readonly<Record<string, string>> {
  if (username === '' && password === '') return {}
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` }
}

/** The proxy at an address, which is one of http unless it has a scheme; undefined for what is none of http or https. */
export function proxyUrl(address: string): URL | undefined {
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(address) ? address : `http://${address}`
  const url = URL.canParse(full) ? new URL(full) : undefined
  return url?.protocol === 'http:' || url?.protocol === 'https:' ? url : undefined
}

function parseProxy(text: string, name: string): URL {
  const url = proxyUrl(text)
  if (url !== undefined) return url
  // The text itself may hold a password.
  throw new GlanceError('usage', `${name} in the environment is not the URL of an http proxy`)
}

function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
}

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

function isHere(url: URL): boolean {
  const host = hostOf(url)
  if (isIP(host) !== 0) return LOOPBACK.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4')
  return host === 'localhost' || host.endsWith('.localhost')
}

function isExcepted(url: URL, exception: string): boolean {
  if (exception === '*') return true
  const host = hostOf(url)
  const network = /^(.+)\/(\d{1,3})$/.exec(exception)
  if (network !== null) return isWithin(host, network[1] ?? '', Number(network[2]))
  const [, name = '', port] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(exception) ?? []
  const isAddress = isIP(exception) !== 0 // Of IPv6 without brackets all is address.
  if (!isAddress && port !== undefined && port !== portOf(url)) return false
  const named = (isAddress ? exception : name).toLowerCase().replace(/^\*?\./, '')
  return named !== '' && (host === named || (isIP(host) === 0 && host.endsWith(`.${named}`)))
}

function isWithin(host: string, network: string, prefix: number): boolean {
  const family = isIP(host)
  if (family === 0 || isIP(network) !== family || prefix > (family === 6 ? 128 : 32)) return false
  const list = new BlockList()
  list.addSubnet(network, prefix, family === 6 ? 'ipv6' : 'ipv4')
  return list.check(host, family === 6 ? 'ipv6' : 'ipv4')
}

function portOf({ port, protocol }: URL): string {
  if (port !== '') return port
  return protocol === 'https:' ? '443' : '80'
}
