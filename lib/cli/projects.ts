import type { Options } from 'yargs'
import type { Endpoint } from '../endpoint/endpoint.ts'
import { GlanceError, isGlanceError } from '../errors.ts'
import type { FieldRules } from '../replicate/fields.ts'
import type { ProjectMap } from '../replicate/project-map.ts'
import { listSelected, type Selection } from '../replicate/select.ts'
import type { CommandContext } from './command.ts'
import { STANDARD } from './dumps.ts'
import { countOf, printable } from './format.ts'
import { projectIdOf, readProjectFile } from './project-file.ts'

/** Options of commands that carry what belongs to projects. */
export interface ProjectOptions {
  readonly mapProjects?: string | undefined
  readonly unmapped?: 'fail' | 'skip' | 'drop' | undefined
  readonly members?: boolean | undefined
  readonly metaonly: boolean
}

export const PROJECTS = {
  'map-projects': {
    type: 'string',
    requiresArg: true,
    describe:
      'Which project of the target stands for which of the source: lines SOURCE: TARGET in FILE',
  },
  unmapped: {
    type: 'string',
    requiresArg: true,
    choices: ['fail', 'skip', 'drop'],
    default: 'fail',
    describe: 'What to do when images belong to projects that are not in it',
  },
} as const satisfies Record<string, Options>

export const MEMBERS = {
  members: {
    type: 'boolean',
    default: false,
    describe: 'Compare and carry the members of shared images too, a request for each',
  },
} as const satisfies Record<string, Options>

/** A project of the source for which none of the target is known. */
interface UnmappedProject {
  readonly project: string
  readonly name: string | null
  /** How many images it owns of those that would be copied. */
  readonly images: number
  /** How many of those are shared with it; 0 without `--members`. */
  readonly members: number
  readonly reason: string
}

/** Those projects, and what becomes of their images: with `fail` nothing at all is copied. */
export interface Unmapped {
  readonly action: 'fail' | 'skip' | 'drop'
  readonly projects: readonly UnmappedProject[]
}

/** What `--map-projects` comes to. */
export interface MappedProjects {
  readonly map: ProjectMap
  readonly unmapped: Unmapped
}

/** How many images of the source a project owns, and how many are shared with it. */
interface ProjectCounts {
  readonly images: number
  readonly members: number
}

/** The two ends of a command, and how they were named. */
interface Ends {
  readonly target: Endpoint
  /** The projects of the source, see {@link projectsIn}. */
  readonly projectsOf: () => Promise<ReadonlyMap<string, ProjectCounts>>
  readonly addresses: { readonly source: string; readonly target: string }
  /** Stands before what is told, when there are several targets. */
  readonly where?: string | undefined
}

/** Which images of the source are meant, and how it was named. */
interface Meant {
  readonly selection: Selection | undefined
  readonly from: string
}

/** Counts whose images of the source are meant, and with `--members` whose members: when first asked, and only then. */
export function projectsIn(
  source: Endpoint,
  { members = false, metaonly }: ProjectOptions,
  { selection, from }: Meant,
  { open, log, signal }: Pick<CommandContext, 'open' | 'log' | 'signal'>,
): Ends['projectsOf'] {
  if (members && source.members?.seesAll === false) {
    const why = 'we are no administrator there and see only ourselves of the members of others'
    log.warning(`--members: ${source.name}: ${why}: of images of other projects none is removed`)
  }
  const list = async () => {
    const found = new Map<string, ProjectCounts>()
    const count = (project: string | null, what: keyof ProjectCounts) => {
      if (project === null) return
      const counted = found.get(project) ?? { images: 0, members: 0 }
      found.set(project, { ...counted, [what]: counted[what] + 1 })
    }
    // What is read once is opened once more for it.
    const isReadOnce = source.features.sequential === true
    await using again = isReadOnce ? await open(from, 'source') : undefined
    const listed = again ?? source
    const listing = { signal, onUnreadable: () => {} }
    for await (const image of listSelected(listed, selection, listing)) {
      if (image.status !== 'active' && !metaonly) continue
      count(image.owner, 'images')
      if (!members || image.visibility !== 'shared') continue
      const shared = listed.members?.list(image, { signal }).catch((error: unknown) => {
        if (!isGlanceError(error, 'forbidden')) throw error // Its step says so.
        return []
      })
      for (const { project } of (await shared) ?? []) count(project, 'members')
    }
    return found
  }
  let found: ReturnType<typeof list> | undefined
  return async () => await (found ??= list())
}

/**
 * Reads `--map-projects`, resolves it in the Keystone of each side where there is one, and tells whose images of the
 * source it says nothing of. Undefined without the option.
 * @throws {GlanceError} `usage` for what is wrong with the file; as the Keystones and the listing do.
 */
export async function mapProjects(
  { mapProjects: file, unmapped: action = 'fail', members = false }: ProjectOptions,
  { target, addresses, projectsOf, where = '' }: Ends,
  fields: FieldRules,
  { log, projects }: Pick<CommandContext, 'log' | 'projects'>,
): Promise<MappedProjects | undefined> {
  if (file === undefined) return undefined
  if (addresses.source === STANDARD) {
    const message = '--map-projects reads twice, and standard input can be read once: name a file'
    throw new GlanceError('usage', message)
  }
  const lines = await readProjectFile(file)
  const [there, here] = [
    await projects(addresses.target, 'target'),
    await projects(addresses.source, 'source'),
  ]
  const targets = new Map<string, string>()
  const unresolved = new Map<string, string>()
  for (const line of lines) {
    const from = projectIdOf(line.source, here, 'source')
    const to = projectIdOf(line.target, there, 'target')
    if (from === undefined) {
      log.warning(`--map-projects: the source has no project '${printable(line.source)}'`)
      continue
    }
    if (to === undefined) {
      unresolved.set(from, `the target has no project '${line.target}'`)
      continue
    }
    const before = targets.get(from)
    if (before !== undefined && before !== to) {
      throw new GlanceError('usage', `--map-projects: project '${line.source}' is there twice`)
    }
    targets.set(from, to)
  }
  // Where both sides share a Keystone, or the target got its projects with their ids.
  for (const { id } of there?.projects ?? []) {
    if (!targets.has(id) && !unresolved.has(id)) targets.set(id, id)
  }
  const map = { targets, unmapped: action === 'fail' ? 'skip' : action } as const
  const isLeftOut = fields.leftOutAttributes.includes('owner')
  const carriesOwners = target.features.ownersCarried && !isLeftOut && !fields.decides('owner')
  if (!carriesOwners) {
    const why = isLeftOut ? 'left out' : `we are no administrator of ${target.name}`
    const reason = fields.decides('owner') ? '--set says who it is' : why
    log.warning(`${where}--map-projects: owners are not carried: ${reason}`)
  }
  const found = carriesOwners || members ? await projectsOf() : new Map<string, ProjectCounts>()
  const unmapped = [...found].flatMap(([project, counts]) => {
    const images = carriesOwners ? counts.images : 0
    if (targets.has(project) || images + counts.members === 0) return []
    return {
      project,
      name: here?.projects.find(({ id }) => id === project)?.name ?? null,
      images,
      members: counts.members,
      reason: unresolved.get(project) ?? `${file} does not name it`,
    }
  })
  for (const each of unmapped) {
    const line = `${where}${describe(each)}: ${consequence(action, each)}`
    if (action === 'fail') log.error(line)
    else log.warning(line)
  }
  return { map, unmapped: { action, projects: unmapped } }
}

/** Whether nothing is to be done, since there are projects that are not mapped. */
export function isRefused(unmapped: Unmapped | null | undefined): boolean {
  return unmapped?.action === 'fail' && unmapped.projects.length > 0
}

/** What is said at the end of a command that does nothing because of them. */
export function describeUnmapped(unmapped: Unmapped | null): string {
  const projects = countOf(unmapped?.projects.length ?? 0, 'project')
  return `${projects} of the source not mapped, nothing was done: complete the file, or say --unmapped skip or drop`
}

function consequence(action: Unmapped['action'], { images, members }: UnmappedProject): string {
  if (action === 'fail') return 'nothing is copied'
  if (action === 'skip') return 'they are not copied'
  const parts = [
    ...(images > 0 ? ['its images become ours'] : []),
    ...(members > 0 ? ['no image is shared with it'] : []),
  ]
  return parts.join(', and ')
}

function describe({ project, name, images, members, reason }: UnmappedProject): string {
  const label = name === null ? printable(project) : `${printable(project)} (${printable(name)})`
  const parts = [
    ...(images > 0 ? [`owns ${countOf(images, 'image')}`] : []),
    ...(members > 0 ? [`is a member of ${countOf(members, 'image')}`] : []),
  ]
  return `project ${label} ${parts.join(' and ')}, and ${printable(reason)}`
}
