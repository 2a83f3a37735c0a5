import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { runCommand } from '../../support/command.ts'
import { type Daemon, freePort, startDaemon } from './daemon.ts'
import { type Keystone, PEOPLE } from './keystone.ts'
import { DEBIAN_PYTHON } from './python.ts'
import { proxyConf, RUN, serverConf, SWIFT_CONF } from './swift-files.ts'
import { waitUntil } from './wait.ts'

const SERVERS = ['account', 'container', 'object'] as const

/**
 * Debian's Swift with one copy of everything, until it is disposed of. Its own authentication lets `test:tester` in with
 * `testing`; with a Keystone, whose `object-store` it is in RegionOne, members are operators of their projects' accounts.
 */
export class Swift implements AsyncDisposable {
  /** Without a path. */
  readonly url: string
  readonly #cache: number
  readonly #folder: string
  readonly #daemons: readonly Daemon[]

  private constructor(url: string, cache: number, folder: string, daemons: readonly Daemon[]) {
    this.url = url
    this.#cache = cache
    this.#folder = folder
    this.#daemons = daemons
  }

  /** Starts one on free ports, and tries again when somebody else took one meanwhile. */
  static async start(keystone?: Keystone): Promise<Swift> {
    const swift = await Swift.#launch(keystone).catch(async () => await Swift.#launch(keystone))
    const account = `${swift.url}/v1/AUTH_%(project_id)s`
    await keystone?.admin.registerEndpoint('object-store', 'RegionOne', account)
    return swift
  }

  static async #launch(keystone: Keystone | undefined): Promise<Swift> {
    const folder = await mkdtemp(join(tmpdir(), 'swift-'))
    const daemons: Daemon[] = []
    const start = async (name: string, words: readonly string[]): Promise<Daemon> => {
      const daemon = await startDaemon(words, { folder, log: join(folder, `${name}.log`) })
      daemons.push(daemon)
      return daemon
    }
    try {
      await mkdir(join(folder, 'node/disk'), { recursive: true })
      await writeFile(join(folder, 'swift.conf'), SWIFT_CONF)
      await writeFile(join(folder, 'run.py'), RUN)
      const memcached = await freePort()
      const cache = ['memcached', '-l', '127.0.0.1', '-p', `${memcached}`, '-U', '0', '-m', '16']
      await start('memcached', [...cache, '-u', 'root'])
      for (const name of SERVERS) {
        const port = await freePort()
        await writeFile(join(folder, `${name}-server.conf`), serverConf(name, folder, port))
        await makeRing(folder, name, port)
        await startServer(folder, name, port, start)
      }
      const port = await freePort()
      const { name, password, project } = PEOPLE.glance
      const service = { url: keystone?.url ?? null, name, password, project }
      const conf = proxyConf(folder, { port, memcached, service })
      await writeFile(join(folder, 'proxy-server.conf'), conf)
      await startServer(folder, 'proxy', port, start)
      return new Swift(`http://127.0.0.1:${port}`, memcached, folder, daemons)
    } catch (error) {
      for (const daemon of daemons) await daemon.stop()
      await rm(folder, { recursive: true, force: true })
      throw error
    }
  }

  /** Has it ask Keystone again about tokens that it has seen. */
  async forgetTokens(): Promise<void> {
    const socket = connect(this.#cache, '127.0.0.1')
    socket.end('flush_all\r\nquit\r\n')
    const answer = await text(socket)
    if (answer !== 'OK\r\n') throw new Error(`memcached: ${answer}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of this.#daemons) await daemon.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

async function startServer(
  folder: string,
  name: string,
  port: number,
  start: (name: string, words: readonly string[]) => Promise<Daemon>,
): Promise<void> {
  const conf = join(folder, `${name}-server.conf`)
  const program = `/usr/bin/swift-${name}-server`
  const python = ['/usr/bin/python3', join(folder, 'run.py'), folder]
  const daemon = await start(name, [...python, program, conf, '-v'])
  await waitUntil(`the ${name} server answers`, async () => {
    if (daemon.hasEnded()) throw new Error(`the ${name} server ended:\n${await daemon.log()}`)
    return await fetch(`http://127.0.0.1:${port}/healthcheck`).then(
      ({ ok }) => ok,
      () => false,
    )
  })
}

/** Says where the one server of a kind is. */
async function makeRing(folder: string, name: string, port: number): Promise<void> {
  const where = `--region 1 --zone 1 --ip 127.0.0.1 --port ${port} --device disk --weight 1`
  for (const words of ['create 2 1 1', `add ${where}`, 'rebalance']) {
    const { status, stderr, stdout } = await runCommand(
      '/usr/bin/swift-ring-builder',
      [`${name}.builder`, ...words.split(' ')],
      { environment: DEBIAN_PYTHON, folder },
    )
    if (status !== 0) throw new Error(`swift-ring-builder ${words}:\n${stdout}${stderr}`)
  }
}
