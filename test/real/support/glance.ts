import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeSetting } from '../../behaviour/ours.ts'
import type { Setting } from '../../behaviour/settings.ts'
import { runCommand } from '../../support/command.ts'
import { type Daemon, freePort, startDaemon } from './daemon.ts'
import { DEBIAN_PYTHON } from './python.ts'
import { Service } from './service.ts'
import { waitUntil } from './wait.ts'

export interface GlanceOptions {
  /** Rules instead of Glance's own. Default: everybody may do what only administrators may. */
  readonly policy?: Readonly<Record<string, string>>
  /** Further options of the `[DEFAULT]` section. */
  readonly settings?: Readonly<Record<string, string | number>>
  /** What is read after all else. */
  readonly setting?: Setting
  /** Whether callers are who their identity headers say. Default: there is no authentication. */
  readonly trusted?: boolean
  /** Where it keeps its rows, as SQLAlchemy writes it: an empty database. Default: SQLite in its folder. */
  readonly connection?: string
  /** The lines of `[keystone_authtoken]`, by which callers are whom Keystone knows. Default: nobody asks it. */
  readonly keystone?: string
}

/**
 * Without authentication a Glance takes everybody for an administrator, and yet its policies ask for the role of that
 * name, which nobody has.
 */
const EVERYBODY_IS_ADMIN = { publicize_image: '', communitize_image: '', tasks_api_access: '' }

const PIPELINES = '/etc/glance/glance-api-paste.ini'

/** Debian's pipelines with the one in front of it left out that would ask Keystone who a caller is. */
const TRUSTED = `[pipeline:glance-api-trusted]
pipeline = cors healthcheck http_proxy_to_wsgi versionnegotiation context rootapp

[pipeline:glance-api-trusted+cachemanagement]
pipeline = cors healthcheck http_proxy_to_wsgi versionnegotiation context cache cachemanage rootapp
`

/** Debian's Glance with a database and a folder of its own, until it is disposed of. */
export class Glance extends Service implements AsyncDisposable {
  /** With everything that it keeps. */
  readonly folder: string
  /** Of the process that was started. */
  readonly pid: number
  readonly #stop: () => Promise<void>

  private constructor(url: string, folder: string, { pid, stop }: Daemon) {
    super(url)
    this.folder = folder
    this.pid = pid
    this.#stop = stop
  }

  /** Starts one on a free port, and tries again when somebody else took the port meanwhile. */
  static async start({
    policy = EVERYBODY_IS_ADMIN,
    settings = {},
    setting = { config: '' },
    trusted = false,
    keystone,
    connection,
  }: GlanceOptions = {}): Promise<Glance> {
    const folder = await mkdtemp(join(tmpdir(), 'glance-'))
    try {
      await writeFile(join(folder, 'policy.json'), JSON.stringify(policy))
      await mkdir(join(folder, 'images'))
      const pipelines = await readFile(PIPELINES, 'utf8')
      await writeFile(join(folder, 'paste.ini'), `${pipelines}\n${TRUSTED}`)
      await writeFile(
        join(folder, 'glance-api.conf'),
        configuration(folder, settings, pipeline(trusted, keystone), connection),
      )
      const { config, theirs = '', files = {} } = setting
      writeSetting({ config: `${config}\n${theirs}`, files }, folder)
      if (connection === undefined) await makeDatabase(folder)
      else await syncDatabase(folder)
      return await Glance.#launch(folder).catch(async () => await Glance.#launch(folder))
    } catch (error) {
      await rm(folder, { recursive: true, force: true })
      throw error
    }
  }

  /** The file with its configuration, which says where its rows are. */
  get configuration(): string {
    return join(this.folder, 'glance-api.conf')
  }

  /** Where its store keeps the data of an image. */
  fileOf(id: string): string {
    return join(this.folder, 'images', id)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop()
    await rm(this.folder, { recursive: true, force: true })
  }

  static async #launch(folder: string): Promise<Glance> {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const daemon = await launch(folder, port)
    try {
      await waitUntil(`${url} is healthy`, async () => {
        if (daemon.hasEnded()) throw new Error(`glance-api ended:\n${await daemon.log()}`)
        return await fetch(`${url}/healthcheck`).then(
          ({ ok }) => ok,
          () => false,
        )
      })
    } catch (error) {
      await daemon.stop()
      throw error
    }
    return new Glance(url, folder, daemon)
  }
}

/** An empty database, once there is one: making it takes seconds. */
let emptyDatabase: Promise<Uint8Array> | undefined

async function makeDatabase(folder: string): Promise<void> {
  const file = join(folder, 'glance.sqlite')
  if (emptyDatabase !== undefined) {
    await writeFile(file, await emptyDatabase)
    return
  }
  await syncDatabase(folder)
  emptyDatabase = readFile(file)
  await emptyDatabase
}

async function syncDatabase(folder: string): Promise<void> {
  const { status, stderr } = await runCommand(
    '/usr/bin/glance-manage',
    ['--config-file', join(folder, 'glance-api.conf'), 'db_sync'],
    { environment: DEBIAN_PYTHON },
  )
  if (status !== 0) throw new Error(`glance-manage db_sync:\n${stderr}`)
}

async function launch(folder: string, port: number): Promise<Daemon> {
  const files = [
    join(folder, 'glance-api.conf'),
    join(folder, 'setting.conf'),
    join(folder, 'port.conf'),
  ]
  await writeFile(join(folder, 'port.conf'), `[DEFAULT]\nbind_port = ${port}\n`)
  const log = join(folder, 'glance-api.log')
  const options = files.flatMap(file => ['--config-file', file])
  return await startDaemon(['/usr/bin/glance-api', ...options], { folder, log })
}

/** Who is asked who a caller is: the end of `[paste_deploy]`, and what that needs. */
function pipeline(trusted: boolean, keystone: string | undefined): string {
  if (keystone !== undefined) return `flavor = keystone\n\n[keystone_authtoken]\n${keystone}`
  return trusted ? 'flavor = trusted' : ''
}

function configuration(
  folder: string,
  settings: Readonly<Record<string, string | number>>,
  pipeline: string,
  connection = `sqlite:///${folder}/glance.sqlite`,
): string {
  return `[DEFAULT]
bind_host = 127.0.0.1
workers = 0
use_stderr = True
log_file =
node_staging_uri = file://${folder}/staging
${Object.entries(settings)
  .map(([name, value]) => `${name} = ${value}`)
  .join('\n')}

[database]
connection = ${connection}

[paste_deploy]
config_file = ${folder}/paste.ini
${pipeline}

[glance_store]
stores = file
default_store = file
filesystem_store_datadir = ${folder}/images

[oslo_concurrency]
lock_path = ${folder}/lock

[oslo_policy]
policy_file = ${folder}/policy.json
`
}
