import type { Image } from '../../image/image.ts'
import type { Target } from '../policy/check.ts'
import type { RequestContext } from './context.ts'

/** The image as policy rules see it: its attributes in Glance's names and its custom properties. */
export function imageTarget(context: RequestContext, image: Image): Target {
  return {
    ...Object.fromEntries(image.properties),
    id: image.id,
    image_id: image.id,
    name: image.name,
    status: image.status,
    visibility: image.visibility,
    os_hidden: image.hidden,
    protected: image.protected,
    owner: image.owner,
    project_id: image.owner,
    ...memberIn(context, image),
    container_format: image.containerFormat,
    disk_format: image.diskFormat,
    min_disk: image.minDisk,
    min_ram: image.minRam,
    size: image.size,
    virtual_size: image.virtualSize,
    checksum: image.checksum,
    os_hash_algo: image.digest?.algorithm ?? null,
    os_hash_value: image.digest?.value ?? null,
  }
}

/** As Glance: who sees a shared image of another project, sees it as a member of it. */
function memberIn(context: RequestContext, image: Image): Target {
  const isShared = image.visibility === 'shared' && image.owner !== context.project
  const member = isShared ? context.project : null
  return { member, member_id: member }
}
