import type { Abortable } from '../abort.ts'
import type { TlsFiles } from '../http/tls.ts'
import { type Wanted, wantedBy } from './catalog.ts'
import { type CloudConfig, flag, misconfigured } from './cloud-config.ts'
import { credentialsOf } from './cloud-credentials.ts'
import type { ProjectList } from './projects.ts'
import { KeystoneSession, type SessionOptions } from './session.ts'
import { fixedToken, type TokenSource } from './token-source.ts'

/** A cloud that lets us in. */
export interface Cloud {
  readonly tokens: TokenSource
  /** Where its image service is. @throws {GlanceError} `not_found`; `usage` where nothing says it. */
  imageUrl(options?: Abortable): Promise<string>
  /** Its projects, as far as we may know; undefined where no Keystone that knows of domains tells. */
  projects(options?: Abortable): Promise<ProjectList | undefined>
  /** Whether its catalogue has an image service at this host; true where there is no catalogue. */
  hasImagesAt(hostname: string, options?: Abortable): Promise<boolean>
}

export interface CloudOptions extends Omit<SessionOptions, 'origin'> {
  /** In place of what the cloud says. */
  readonly wanted?: Partial<Pick<Wanted, 'region' | 'interfaces'>> | undefined
}

/**
 * A cloud by what is said of it. Nothing is asked of it before a token or its image service is wanted.
 * @throws {GlanceError} `usage` for what is missing in `config`, or contradicts itself.
 */
export function openCloud(config: CloudConfig, { wanted, ...options }: CloudOptions): Cloud {
  const credentials = credentialsOf(config)
  const { settings, origin } = config
  const override = settings.get('image_endpoint_override') ?? settings.get('image_endpoint')
  if (credentials.type === 'fixed') {
    const url = override ?? credentials.endpoint
    return {
      tokens: fixedToken(credentials.token),
      projects: async () => undefined,
      imageUrl: async () => {
        if (url !== null) return url
        throw misconfigured(config, `${config.nameOf('image_endpoint_override')} is not set`)
      },
      hasImagesAt: async () => true,
    }
  }
  const session = new KeystoneSession(credentials, { ...options, origin })
  const service = { ...wantedBy(config), ...wanted }
  return {
    tokens: session,
    projects: async options => await session.projects(options),
    imageUrl: async options => override ?? (await session.imageUrl(service, options)),
    hasImagesAt: async (hostname, options) => {
      const { catalog } = await session.grant(options)
      return catalog.some(({ type, url }) => {
        return type === service.type && URL.canParse(url) && new URL(url).hostname === hostname
      })
    },
  }
}

/** The files by which a cloud's services are trusted, and trust us; `~` is `home`. */
export function tlsFilesOf(config: CloudConfig, home: string): TlsFiles {
  const file = (setting: string) => {
    const path = config.settings.get(setting)
    if (path === undefined) return undefined
    const by = `${config.origin}: ${config.nameOf(setting)}`
    return { path: path.replace(/^~(?=\/|$)/, home), by }
  }
  return {
    cacert: file('cacert'),
    cert: file('cert'),
    key: file('key'),
    insecure: flag(config, 'insecure') === true || flag(config, 'verify') === false,
  }
}
