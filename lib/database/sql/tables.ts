import type { ColumnType, Kysely } from 'kysely'
import type { Visibility } from '../../image/image.ts'
import type { MemberStatus } from '../../image/member.ts'
import type { NamespaceVisibility } from '../../image/metadef.ts'
import type { ImageStatus } from '../../image/status.ts'
import type { TaskStatus, TaskType } from '../../image/task.ts'

/** Some engines answer 64-bit integers as text. */
type BigInteger = ColumnType<number | string | null, number | null, number | null>

/** 0 or 1: not every engine has booleans. */
type Flag = number

/** `YYYY-MM-DDTHH:MM:SS.mmmZ`: text that every engine keeps verbatim and sorts as time. */
type Timestamp = string

export interface Tables {
  /** Rows of deleted images stay, so that their ids stay taken. */
  images: {
    id: string
    name: string | null
    status: ImageStatus
    visibility: Visibility
    os_hidden: Flag
    protected: Flag
    owner: string | null
    container_format: string | null
    disk_format: string | null
    min_disk: number
    min_ram: number
    size: BigInteger
    virtual_size: BigInteger
    checksum: string | null
    os_hash_algo: string | null
    os_hash_value: string | null
    created_at: Timestamp
    updated_at: Timestamp
    deleted_at: Timestamp | null
  }
  image_properties: { image_id: string; name: string; value: string | null }
  image_tags: { image_id: string; value: string }
  /** `position` gives the order; `metadata` is JSON. */
  image_locations: { image_id: string; position: number; url: string; metadata: string }
  /** `position` gives the order in which they were removed; `metadata` is JSON. */
  image_removed_locations: {
    image_id: string
    position: number
    url: string
    metadata: string
    removed_at: Timestamp
  }
  /** `position` gives the order in which they were added. */
  image_members: {
    image_id: string
    member_id: string
    position: number
    status: MemberStatus
    can_share: Flag
    created_at: Timestamp
    updated_at: Timestamp
  }
  /** `input` and `result` are JSON. */
  tasks: {
    id: string
    type: TaskType
    status: TaskStatus
    owner: string | null
    image_id: string | null
    request_id: string | null
    user_id: string | null
    input: string
    result: string | null
    message: string
    created_at: Timestamp
    updated_at: Timestamp
    expires_at: Timestamp | null
  }
  /** `position` gives the order in which they were added. */
  metadef_namespaces: {
    id: string
    position: number
    namespace: string
    display_name: string | null
    description: string | null
    visibility: NamespaceVisibility
    protected: Flag
    owner: string | null
    created_at: Timestamp
    updated_at: Timestamp
  }
  /** `position` gives the order in which they were added; `document` is JSON of what only this kind has. */
  metadef_parts: {
    namespace_id: string
    kind: MetadefPartKind
    name: string
    position: number
    document: string
    created_at: Timestamp
    updated_at: Timestamp
  }
  /** `position` gives the order in which they were added. */
  metadef_resource_types: {
    name: string
    position: number
    created_at: Timestamp
    updated_at: Timestamp
  }
}

export type MetadefPartKind = 'property' | 'object' | 'tag' | 'association'

export type Sql = Kysely<Tables>
