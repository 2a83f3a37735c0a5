import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCommand } from '../../support/command.ts'
import { type Daemon, freePort, startDaemon } from './daemon.ts'
import { DEBIAN_PYTHON } from './python.ts'
import { waitUntil } from './wait.ts'

/** Debian's Ceph with a pool `images`, of one monitor and one place for data, in memory, that asks for keys. */
export class Ceph implements AsyncDisposable {
  /** Its configuration file. */
  readonly conf: string
  readonly #folder: string
  readonly #daemons: readonly Daemon[]

  private constructor(folder: string, daemons: readonly Daemon[]) {
    this.conf = join(folder, 'ceph.conf')
    this.#folder = folder
    this.#daemons = daemons
  }

  /** Starts one on free ports, and tries again when somebody else took one meanwhile. */
  static async start(): Promise<Ceph> {
    return await Ceph.#launch().catch(async () => await Ceph.#launch())
  }

  static async #launch(): Promise<Ceph> {
    const folder = await mkdtemp(join(tmpdir(), 'ceph-'))
    const daemons: Daemon[] = []
    const ceph = new Ceph(folder, daemons)
    try {
      for (const name of ['mon', 'osd/0', 'run'])
        await mkdir(join(folder, name), { recursive: true })
      const fsid = randomUUID()
      const [v2, v1] = [await freePort(), await freePort()]
      const monitor = `[v2:127.0.0.1:${v2},v1:127.0.0.1:${v1}]`
      await writeFile(ceph.conf, configuration(folder, fsid, monitor))
      const map = join(folder, 'monmap')
      await run('monmaptool', ['--create', '--fsid', fsid, '--addv', 'a', monitor, map])
      const keys = await firstKeys(folder)
      const making = ['--mkfs', '-i', 'a', '--monmap', map, '--keyring', keys]
      await run('ceph-mon', ['--conf', ceph.conf, ...making])
      await ceph.#daemon(daemons, 'ceph-mon', 'a')
      const uuid = randomUUID()
      await ceph.admin('osd', 'new', uuid, '0')
      await ceph.allow('osd.0', { mon: 'allow profile osd', osd: 'allow *' })
      await run('ceph-osd', ['--conf', ceph.conf, '-i', '0', '--mkfs', '--osd-uuid', uuid])
      await ceph.#daemon(daemons, 'ceph-osd', '0')
      await waitUntil('the place for data is up', async () => {
        return (await ceph.admin('osd', 'stat')).includes('1 up')
      })
      await ceph.admin('osd', 'pool', 'create', 'images', '8', '8')
      await ceph.admin('osd', 'pool', 'application', 'enable', 'images', 'rbd')
      await ceph.rbd('pool', 'init', 'images')
      return ceph
    } catch (error) {
      await ceph[Symbol.asyncDispose]()
      throw error
    }
  }

  /** What `ceph` prints. */
  async admin(...words: readonly string[]): Promise<string> {
    return await run('ceph', ['--conf', this.conf, '--connect-timeout', '60', ...words])
  }

  /** Makes somebody known, who may do so much, with a key in the file that the configuration file names. */
  async allow(name: string, allowed: Readonly<Record<string, string>>): Promise<void> {
    const words = Object.entries(allowed).flat()
    await this.admin('auth', 'get-or-create', name, ...words, '-o', keyringOf(this.#folder, name))
  }

  /** What `rbd` prints. */
  async rbd(...words: readonly string[]): Promise<string> {
    return await run('rbd', ['--conf', this.conf, ...words])
  }

  /** Names of the images in the pool. */
  async images(): Promise<readonly string[]> {
    return (await this.rbd('ls', 'images')).split('\n').filter(name => name !== '')
  }

  /** Names of the objects in the pool. */
  async objects(): Promise<string> {
    return await run('rados', ['--conf', this.conf, '--pool', 'images', 'ls'])
  }

  /** Removes all images, with all that Ceph knows of them. */
  async empty(): Promise<void> {
    await run('rados', ['--conf', this.conf, 'purge', 'images', '--yes-i-really-really-mean-it'])
  }

  /** Waits until no program of Ceph's is at work, whoever started it. */
  async idle(): Promise<void> {
    await waitUntil('all has ended that was begun', async () => {
      const processes = (await readdir('/proc')).filter(name => /^\d+$/.test(name))
      const commands = await Promise.all(
        processes.map(async id => await readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')), // It has ended.
      )
      return !commands.some(
        command => /^(?:rbd|rados|ceph)\0/.test(command) && command.includes(`\0${this.conf}\0`),
      )
    })
  }

  /** Does `work` while there is no room for another byte. */
  async whileFull(work: () => Promise<void>): Promise<void> {
    const [full, none] = [['full', '1000000'], ['none']] as const
    for (const state of [full, none]) {
      await this.admin('tell', 'osd.0', 'injectfull', ...state)
      await waitUntil(`the pool is ${state === full ? '' : 'not '}full`, async () => {
        const pools = await this.admin('osd', 'pool', 'ls', 'detail')
        return /\bfull\b/.test(pools) === (state === full)
      })
      if (state === full) await work()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of this.#daemons) await daemon.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #daemon(daemons: Daemon[], program: string, id: string): Promise<void> {
    const log = join(this.#folder, `${program}.out`)
    const words = [program, '--conf', this.conf, '-i', id, '-f']
    const daemon = await startDaemon(words, { folder: this.#folder, log })
    daemons.push(daemon)
    await waitUntil(`${program} answers`, async () => {
      if (daemon.hasEnded()) throw new Error(`${program} ended:\n${await daemon.log()}`)
      const socket = ['daemon', join(this.#folder, 'run', `${program.slice(5)}.${id}.asok`)]
      const words = [...socket, 'version']
      return (await runCommand('ceph', words, { environment: DEBIAN_PYTHON })).status === 0
    })
  }
}

/** Makes keys for the monitors, and for whom all is allowed; resolves to the path of the file that has both. */
async function firstKeys(folder: string): Promise<string> {
  const keys = join(folder, 'mon.keyring')
  const admin = keyringOf(folder, 'client.admin')
  const all = (kind: string) => ['--cap', kind, 'allow *']
  const made = (path: string, name: string) => ['--create-keyring', path, '--gen-key', '-n', name]
  await run('ceph-authtool', [...made(keys, 'mon.'), ...all('mon')])
  await run('ceph-authtool', [...made(admin, 'client.admin'), ...all('mon'), ...all('osd')])
  await run('ceph-authtool', [keys, '--import-keyring', admin])
  return keys
}

function keyringOf(folder: string, name: string): string {
  return join(folder, `${name}.keyring`)
}

async function run(program: string, words: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await runCommand(program, words, {
    environment: DEBIAN_PYTHON,
  })
  if (status === 0) return stdout
  throw new Error(`${program} ${words.join(' ')}: status ${status}\n${stdout}${stderr}`)
}

function configuration(folder: string, fsid: string, monitor: string): string {
  return `[global]
fsid = ${fsid}
mon_host = ${monitor}
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_ipv6 = false
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
paxos_propose_interval = 0.02
paxos_min_wait = 0.01
mon_data_avail_crit = 0
mon_data_avail_warn = 0
run_dir = ${folder}/run
log_file = ${folder}/$name.log
crash_dir = ${folder}
keyring = ${keyringOf(folder, '$name')}
osd_objectstore = memstore
memstore_device_bytes = 4294967296

[mon]
mon_data = ${folder}/mon/$id
admin_socket = ${folder}/run/$name.asok

[osd]
osd_data = ${folder}/osd/$id
admin_socket = ${folder}/run/$name.asok

[client]
admin_socket =
`
}
