"""Uses each part of openstacksdk's image proxy once, and prints what it said as one JSON document.

Arguments: the URL of the service, a file of image data, the URL of the same data.
"""

import hashlib
import json
import sys
import time

import openstack
from openstack import exceptions

service, path, url = sys.argv[1:]
cloud = openstack.connect(load_yaml_config=False, load_envvars=False, auth_type='none',
                          auth={'endpoint': service})
images = cloud.image
with open(path, 'rb') as file:
    data = file.read()
said = {}


def settled(image):
    """The image, once nothing is being done to it any more."""
    while True:
        image = images.get_image(image.id)
        if image.status in ('active', 'queued') and not image.get('os_glance_import_task') \
                and not image.properties.get('os_glance_import_task'):
            return image
        time.sleep(0.05)


def shown(image):
    return {name: image[name] for name in ('name', 'status', 'size', 'checksum', 'visibility')}


# Creation, with data and without.
created = images.create_image('created', data=data, disk_format='raw', container_format='bare',
                              validate_checksum=True, tags=['one'], min_disk=1, visibility='public',
                              os_distro='debian', custom='réseau')
said['created'] = shown(images.get_image(created.id))
said['properties'] = images.get_image(created.id).properties
said['again'] = images.create_image('created', data=data, validate_checksum=True).id == created.id
by_file = images.create_image('by file', filename=path, disk_format='raw', container_format='bare')
said['by file'] = shown(images.get_image(by_file.id))
queued = images.create_image('queued', disk_format='raw', container_format='bare')
said['methods'] = queued.image_import_methods
said['queued'] = shown(queued)

# Staging and import.
said['staged'] = images.stage_image(queued, data=data).status
images.import_image(queued)
said['imported'] = shown(settled(queued))
at_once = images.create_image('at once', data=data, disk_format='raw', container_format='bare',
                              use_import=True)
said['at once'] = shown(settled(at_once))
fetched = images.create_image('fetched', disk_format='raw', container_format='bare')
stores = list(images.stores())
said['stores'] = [[store.id, store.is_default] for store in stores]
images.import_image(fetched, method='web-download', uri=url, stores=stores[:1])
said['fetched'] = shown(settled(fetched))
images.import_image(settled(fetched), method='copy-image', all_stores=True)
said['copied'] = settled(fetched).properties.get('stores') or settled(fetched).get('stores')
# This version's own get_import_info asks itself for an id, and finds none.
said['import'] = images.get('/info/import').json()['import-methods']['value']

# Finding and listing.
images.update_image(by_file, is_hidden=True)
said['found'] = [images.find_image(found).name for found in (created.id, 'created', 'by file')]
said['nothing'] = images.find_image('nothing')
said['listed'] = {
    title: [image.name for image in images.images(**query)]
    for title, query in {
        'all': {'sort': 'name:asc'},
        'pages': {'sort': 'name:desc', 'limit': 1},
        'name': {'name': 'in:queued,fetched', 'sort_key': 'name', 'sort_dir': 'asc'},
        'hidden': {'is_hidden': True},
        'tag': {'tag': 'one'},
        'visibility': {'visibility': 'public'},
        'size': {'size_min': 1, 'size_max': 2},
    }.items()
}
said['cloud'] = sorted(image.name for image in cloud.list_images())

# Changes.
changed = images.update_image(created.id, name='changed', min_ram=64, os_distro='none',
                              is_protected=True)
said['changed'] = [changed.name, changed.min_ram, changed.os_distro, changed.is_protected]
images.update_image(created.id, is_protected=False)
cloud.update_image_properties(name_or_id=created.id, custom='new', added='too')
now = images.get_image(created.id).properties
said['set'] = [now['custom'], now['added']]
images.add_tag(created, 'two')
images.remove_tag(created, 'one')
said['tags'] = images.get_image(created.id).tags
images.deactivate_image(created.id)
said['deactivated'] = images.get_image(created.id).status
images.reactivate_image(created.id)
said['reactivated'] = images.get_image(created.id).status

# Members.
images.update_image(created.id, visibility='shared')
images.add_member(created.id, member_id='project')
said['member'] = images.get_member('project', created.id).status
images.update_member('project', created.id, status='accepted')
said['members'] = [[member.id, member.status] for member in images.members(created.id)]
images.remove_member('project', created.id)
said['member found'] = images.find_member('project', created.id)

# Data.
said['downloaded'] = hashlib.md5(images.download_image(created.id).content).hexdigest()
streamed = hashlib.md5()
for chunk in images.download_image(created.id, stream=True).iter_content(chunk_size=1024):
    streamed.update(chunk)
said['streamed'] = streamed.hexdigest()

# Tasks.
task = images.create_task(type='import', input={
    'import_from': url, 'import_from_format': 'raw',
    'image_properties': {'name': 'by task', 'disk_format': 'raw', 'container_format': 'bare'}})
task = images.wait_for_task(task, interval=0.05)
said['task'] = [task.type, task.status, shown(images.get_image(task.result['image_id']))]
said['tasks'] = sorted(task.type for task in images.tasks())

# Schemas.
said['schemas'] = [images.get_image_schema().properties['id']['type'],
                   images.get_images_schema().properties['images']['type'],
                   images.get_member_schema().properties['status']['type'],
                   images.get_members_schema().properties['members']['type'],
                   images.get_task_schema().properties['status']['type'],
                   images.get_tasks_schema().properties['tasks']['type']]

# Deletion.
for image in [*images.images(), *images.images(is_hidden=True)]:
    images.delete_image(image)
said['left'] = len([*images.images(), *images.images(is_hidden=True)])
try:
    images.get_image(created.id)
except exceptions.ResourceNotFound as error:
    said['gone'] = str(error)

print(json.dumps(said))
