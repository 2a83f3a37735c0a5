import { GlanceError } from '../errors.ts'
import { type Image, VISIBILITIES } from '../image/image.ts'
import { type UserMade, USER_MADE } from './v2-image.ts'

/** Characters of a name, an owner, a tag, at most: what the databases of Glance hold. */
const LONGEST = 255
/** GiB or MiB, at most, for the same reason. */
const LARGEST = 2_147_483_647

export function isUserMade(name: string): name is UserMade {
  return (USER_MADE as readonly string[]).includes(name)
}

/**
 * What an attribute is to be when somebody writes it as text: numbers in digits, `true` or `false`, tags with commas
 * between them. @throws {GlanceError} `usage`, saying what it may be.
 */
export function attributeFromText(name: UserMade, text: string): Partial<Image> {
  switch (name) {
    case 'name':
      return { name: short(name, text) }
    case 'owner':
      return { owner: some(name, short(name, text)) }
    case 'container_format':
      return { containerFormat: some(name, short(name, text)) }
    case 'disk_format':
      return { diskFormat: some(name, short(name, text)) }
    case 'visibility': {
      const visibility = VISIBILITIES.find(known => known === text)
      if (visibility !== undefined) return { visibility }
      throw wrong(name, `one of ${VISIBILITIES.join(', ')}`, text)
    }
    case 'os_hidden':
      return { hidden: flag(name, text) }
    case 'protected':
      return { protected: flag(name, text) }
    case 'min_disk':
      return { minDisk: count(name, text, 'GiB') }
    case 'min_ram':
      return { minRam: count(name, text, 'MiB') }
    case 'tags': {
      const tags = text.split(',').map(tag => short(name, tag.trim()))
      return { tags: [...new Set(tags.filter(tag => tag !== ''))].toSorted() }
    }
  }
}

/** What an attribute is when it is not set; undefined for those that every image has to have. */
export const UNSET: Readonly<Record<UserMade, Partial<Image> | undefined>> = {
  name: { name: null },
  visibility: undefined,
  os_hidden: { hidden: false },
  protected: { protected: false },
  owner: undefined,
  container_format: undefined,
  disk_format: undefined,
  min_disk: { minDisk: 0 },
  min_ram: { minRam: 0 },
  tags: { tags: [] },
}

function short(name: string, text: string): string {
  if (Array.from(text).length <= LONGEST) return text
  throw wrong(name, `at most ${LONGEST} characters`, `${text.slice(0, 20)}…`)
}

function some(name: string, text: string): string {
  if (text !== '') return text
  throw wrong(name, 'something', text)
}

function flag(name: string, text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true'
  throw wrong(name, 'true or false', text)
}

function count(name: string, text: string, unit: string): number {
  if (/^\d{1,10}$/.test(text) && Number(text) <= LARGEST) return Number(text)
  throw wrong(name, `a whole number of ${unit}`, text)
}

function wrong(name: string, wanted: string, found: string): GlanceError {
  return new GlanceError('usage', `${name} is to be ${wanted}, not '${found}'`)
}
