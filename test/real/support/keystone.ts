import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCommand } from '../../support/command.ts'
import { type Daemon, freePort, startDaemon } from './daemon.ts'
import { cloudsYaml, keystoneConf, uwsgiIni } from './keystone-files.ts'
import {
  type ApplicationCredential,
  KeystoneSession,
  type Person,
  tokenBy,
} from './keystone-session.ts'
import { DEBIAN_PYTHON } from './python.ts'
import { waitUntil } from './wait.ts'

export interface KeystoneOptions {
  /** Seconds that a token is valid. Default 3600. */
  readonly tokenLifetime?: number
}

/** Two regions of one Keystone, each with an image service of its own. */
export const REGIONS = ['RegionOne', 'RegionTwo'] as const

/** `admin` is an administrator of `admin`; the next three share `demo`; `glance` validates tokens, and reads limits. */
export const PEOPLE = {
  admin: { name: 'admin', password: 'pw-of-admin', project: 'admin', roles: ['admin'] },
  member: { name: 'member', password: 'pw-of-member', project: 'demo', roles: ['member'] },
  reader: { name: 'reader', password: 'pw-of-reader', project: 'demo', roles: ['reader'] },
  other: { name: 'other', password: 'pw-of-other', project: 'elsewhere', roles: ['member'] },
  glance: { name: 'glance', password: 'pw-of-glance', project: 'service', roles: ['service'] },
} as const satisfies Record<string, Person>

/**
 * Debian's Keystone with a database of its own, until it is disposed of. `cloudsFile` is a clouds.yaml with clouds
 * `<person>` in RegionOne and `<person>-two` in RegionTwo for each of {@link PEOPLE}, and `member-appcred` and
 * `member-appcred-two`, for `OS_CLIENT_CONFIG_FILE`.
 */
export class Keystone implements AsyncDisposable {
  /** With `/v3` at its end: what `auth_url` is to be. */
  readonly url: string
  readonly cloudsFile: string
  /** What the admin may do with it. */
  readonly admin: KeystoneSession
  readonly applicationCredential: ApplicationCredential
  readonly #folder: string
  readonly #daemon: Daemon

  private constructor(
    folder: string,
    daemon: Daemon,
    admin: KeystoneSession,
    applicationCredential: ApplicationCredential,
  ) {
    this.url = admin.url
    this.cloudsFile = join(folder, 'clouds.yaml')
    this.admin = admin
    this.applicationCredential = applicationCredential
    this.#folder = folder
    this.#daemon = daemon
  }

  /** Starts one on a free port, and tries again when somebody else took the port meanwhile. */
  static async start({ tokenLifetime = 3600 }: KeystoneOptions = {}): Promise<Keystone> {
    const folder = await mkdtemp(join(tmpdir(), 'keystone-'))
    try {
      await configure(folder, tokenLifetime)
      const launched = await launch(folder).catch(async () => await launch(folder))
      try {
        const { daemon, url } = launched
        const admin = await KeystoneSession.open(url, PEOPLE.admin)
        const credential = await populate(admin)
        await writeFile(join(folder, 'clouds.yaml'), cloudsYaml(url, PEOPLE, REGIONS, credential))
        return new Keystone(folder, daemon, admin, credential)
      } catch (error) {
        await launched.daemon.stop()
        throw error
      }
    } catch (error) {
      await rm(folder, { recursive: true, force: true })
      throw error
    }
  }

  /** Says where the image service of a region is, for all interfaces. */
  async registerImageService(region: (typeof REGIONS)[number], url: string): Promise<void> {
    await this.admin.registerEndpoint('image', region, url)
  }

  /** Logs one of {@link PEOPLE} in. */
  async sessionOf(person: keyof typeof PEOPLE): Promise<KeystoneSession> {
    return await KeystoneSession.open(this.url, PEOPLE[person])
  }

  /** A token of one of {@link PEOPLE} that is valid for no longer than this. */
  async briefToken(person: keyof typeof PEOPLE, lifetimeMs: number): Promise<string> {
    const session = await this.sessionOf(person)
    const expires_at = new Date(Date.now() + lifetimeMs).toISOString().replace('Z', '000Z')
    const brief = await session.createApplicationCredential(`until ${expires_at}`, { expires_at })
    return await tokenBy(this.url, brief)
  }

  /** A token of one of {@link PEOPLE}, for their project. */
  async tokenOf(person: keyof typeof PEOPLE): Promise<string> {
    return (await this.sessionOf(person)).token
  }

  /** Leaves nobody to answer. */
  async stop(): Promise<void> {
    await this.#daemon.stop()
  }

  async log(): Promise<string> {
    return await this.#daemon.log()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#daemon.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

async function configure(folder: string, tokenLifetime: number): Promise<void> {
  await mkdir(join(folder, 'policy.d'))
  for (const keys of ['fernet-keys', 'credential-keys']) {
    await mkdir(join(folder, keys), { mode: 0o700 })
    // The key to come and the one in use.
    for (const name of ['0', '1']) {
      const key = randomBytes(32).toString('base64').replaceAll('+', '-').replaceAll('/', '_')
      await writeFile(join(folder, keys, name), key, { mode: 0o600 })
    }
  }
  await writeFile(join(folder, 'keystone.conf'), keystoneConf(folder, tokenLifetime))
  await manage(folder, 'db_sync')
  // Readers and the writer of a SQLite otherwise keep each other out, within one request.
  const wal = `import sqlite3; sqlite3.connect('${folder}/keystone.sqlite').execute('PRAGMA journal_mode=WAL')`
  await runCommand('/usr/bin/python3', ['-c', wal], { environment: DEBIAN_PYTHON })
  const { name, password, project, roles } = PEOPLE.admin
  const login = `--bootstrap-username ${name} --bootstrap-password ${password}`
  const rights = `--bootstrap-project-name ${project} --bootstrap-role-name ${roles[0]}`
  await manage(folder, 'bootstrap', ...`${login} ${rights}`.split(' '))
}

async function manage(folder: string, ...words: readonly string[]): Promise<void> {
  const { status, stderr } = await runCommand(
    '/usr/bin/keystone-manage',
    ['--config-file', join(folder, 'keystone.conf'), ...words],
    { environment: DEBIAN_PYTHON, folder },
  )
  if (status !== 0) throw new Error(`keystone-manage ${words[0]}:\n${stderr}`)
}

async function launch(folder: string): Promise<{ daemon: Daemon; url: string }> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}/v3`
  const ini = join(folder, 'uwsgi.ini')
  await writeFile(ini, uwsgiIni(folder, port))
  const log = join(folder, 'keystone.log')
  const daemon = await startDaemon(['/usr/bin/uwsgi', '--ini', ini], { folder, log })
  try {
    await waitUntil(`${url} answers`, async () => {
      if (daemon.hasEnded()) throw new Error(`keystone ended:\n${await daemon.log()}`)
      return await fetch(url).then(
        ({ ok }) => ok,
        () => false,
      )
    })
    return { daemon, url }
  } catch (error) {
    await daemon.stop()
    throw error
  }
}

/** Regions, people, services and endpoints that nobody answers at yet. */
async function populate(admin: KeystoneSession): Promise<ApplicationCredential> {
  for (const region of REGIONS) await admin.createRegion(region)
  for (const { name, password, project, roles } of Object.values(PEOPLE)) {
    await admin.giveRoles(name, password, project, roles)
  }
  // The roles of an administrator of old imply no other.
  await admin.giveSystemRole(PEOPLE.glance.name, 'reader')
  await admin.giveRoles(PEOPLE.admin.name, PEOPLE.admin.password, PEOPLE.admin.project, [
    'member',
    'reader',
  ])
  for (const region of REGIONS) {
    await admin.registerEndpoint('identity', region, admin.url)
    await admin.registerEndpoint('image', region, 'http://127.0.0.1:9')
  }
  const member = await KeystoneSession.open(admin.url, PEOPLE.member)
  return await member.createApplicationCredential('for-tests')
}
