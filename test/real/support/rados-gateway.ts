import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCommand } from '../../support/command.ts'
import type { Ceph } from './ceph.ts'
import { type Daemon, freePort, startDaemon } from './daemon.ts'
import { DEBIAN_PYTHON } from './python.ts'
import { waitUntil } from './wait.ts'

const NAME = 'client.gateway'
const USER = 'glance'
/** What a user may have is looked up each time, not every ten minutes. */
const EXACT = ['--rgw-bucket-quota-ttl', '0', '--rgw-user-quota-bucket-sync-interval', '0']

/** The S3 server of Debian's Ceph, until it is disposed of. */
export class RadosGateway implements AsyncDisposable {
  /** Without a path. */
  readonly url: string
  /** The name under which it finds the one of a bucket; nobody looks it up. */
  readonly domain = 's3.test'
  readonly accessKey = 'glanceaccess'
  /** With what Amazon's have as well. */
  readonly secretKey = 'glance/secret+key'
  readonly #ceph: Ceph
  readonly #folder: string
  readonly #daemon: Daemon

  private constructor(url: string, ceph: Ceph, folder: string, daemon: Daemon) {
    this.url = url
    this.#ceph = ceph
    this.#folder = folder
    this.#daemon = daemon
  }

  /** Starts one on a free port, and tries again when somebody else took it meanwhile. */
  static async start(ceph: Ceph): Promise<RadosGateway> {
    await ceph.allow(NAME, { mon: 'allow rw', osd: 'allow rwx' })
    await ceph.admin('config', 'set', 'global', 'osd_pool_default_pg_num', '4') // It makes many.
    return await RadosGateway.#launch(ceph).catch(async () => await RadosGateway.#launch(ceph))
  }

  static async #launch(ceph: Ceph): Promise<RadosGateway> {
    const folder = await mkdtemp(join(tmpdir(), 'gateway-'))
    await mkdir(join(folder, 'data'))
    const port = await freePort()
    const options = [
      ...EXACT,
      `--rgw-data=${join(folder, 'data')}`,
      `--admin-socket=${join(folder, 'gateway.asok')}`,
      '--rgw-dns-name=s3.test',
      '--rgw-multipart-min-part-size=1',
      `--rgw-frontends=beast endpoint=127.0.0.1:${port}`,
    ]
    const daemon = await startDaemon(
      ['/usr/bin/radosgw', '--conf', ceph.conf, '-n', NAME, '-f', ...options],
      { folder, log: join(folder, 'gateway.out') },
    )
    const url = `http://127.0.0.1:${port}`
    const gateway = new RadosGateway(url, ceph, folder, daemon)
    try {
      const isUp = async () => {
        if (daemon.hasEnded()) throw new Error(`radosgw ended:\n${await daemon.log()}`)
        return await fetch(url).then(
          ({ ok }) => ok,
          () => false,
        )
      }
      await waitUntil('the gateway answers', isUp, 180_000)
      const keys = ['--access-key', gateway.accessKey, '--secret-key', gateway.secretKey]
      await gateway.#admin('user', 'create', '--display-name', USER, ...keys)
      return gateway
    } catch (error) {
      await gateway[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Says how many bytes its user may have in all; null is as many as there are. */
  async limit(bytes: number | null): Promise<void> {
    const scope = ['--quota-scope', 'user']
    if (bytes !== null) await this.#admin('quota', 'set', ...scope, '--max-size', `${bytes}B`)
    await this.#admin('quota', bytes === null ? 'disable' : 'enable', ...scope)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#daemon.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #admin(...words: readonly string[]): Promise<void> {
    const { status, stdout, stderr } = await runCommand(
      'radosgw-admin',
      ['--conf', this.#ceph.conf, '-n', NAME, ...words, '--uid', USER],
      { environment: DEBIAN_PYTHON },
    )
    if (status === 0) return
    throw new Error(`radosgw-admin ${words.join(' ')}: status ${status}\n${stdout}${stderr}`)
  }
}
