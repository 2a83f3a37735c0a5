/**
 * The Images API v2 and v1, request by request: images, their data, and all that belongs to them.
 * One process for them all, since each costs more to start than most of its tests.
 */
import './api/behaviour.test.ts'
import './api/data.test.ts'
import './api/image-parts.test.ts'
import './api/images.test.ts'
import './api/locations.test.ts'
import './api/metadef-parts.test.ts'
import './api/metadefs.test.ts'
import './api/properties.test.ts'
import './api/quota.test.ts'
import './api/schema.test.ts'
import './api/size-cap.test.ts'
import './api/tasks.test.ts'
import './api/v1-behaviour.test.ts'
import './api/v1-data.test.ts'
import './api/v1-images.test.ts'
import './api/versions.test.ts'
