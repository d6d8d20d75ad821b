// SPDX-License-Identifier: GPL-3.0-or-later
// patch:Set of paths, that of the model both ways, and patch:Get.
#include "plugin.h"

#include <lv2/atom/util.h>

#include <string.h>

static LV2_URID read_urid(const plugin *p, const LV2_Atom *atom)
{
    const bool is_urid = atom && atom->type == p->uris.atom_urid && atom->size == sizeof(LV2_URID);
    return is_urid ? ((const LV2_Atom_URID *)atom)->body : 0;
}

// Paths that are too long or do not end are no paths.
static bool read_path(const plugin *p, const LV2_Atom *value, char *path)
{
    const char *text = LV2_ATOM_BODY_CONST(value);
    if (value->type != p->uris.atom_path || value->size > MAX_PATH_BYTES ||
        (value->size > 0 && !memchr(text, '\0', value->size))) {
        return false;
    }
    path[0] = '\0';
    memcpy(path, text, value->size);
    return true;
}

static void set(plugin *p, LV2_URID property, const LV2_Atom *value)
{
    if (property == p->uris.export) {
        read_path(p, value, p->export_path);
    } else if (property == p->uris.model && read_path(p, value, p->path)) {
        p->where = places_in_order();
        p->must_publish = p->must_load = true;
    } else if (property == p->uris.model) {
        p->must_tell = true; // what it is still
    }
}

static void read_message(plugin *p, const LV2_Atom_Object *message)
{
    const LV2_Atom *property = NULL, *value = NULL;
    lv2_atom_object_get(message, p->uris.patch_property, &property, p->uris.patch_value, &value, 0);
    if (message->body.otype == p->uris.patch_set && value) {
        set(p, read_urid(p, property), value);
    } else if (message->body.otype == p->uris.patch_get) {
        p->must_tell |= !property || read_urid(p, property) == p->uris.model;
    }
}

void messages_read(plugin *p)
{
    const LV2_Atom_Sequence *events = p->ports[PORT_CONTROL];
    if (!events || events->atom.type != p->forge.Sequence) {
        return;
    }
    LV2_ATOM_SEQUENCE_FOREACH(events, event)
    {
        if (lv2_atom_forge_is_object_type(&p->forge, event->body.type)) {
            read_message(p, (const LV2_Atom_Object *)&event->body);
        }
    }
}

static bool write_path(plugin *p)
{
    LV2_Atom_Forge *forge = &p->forge;
    LV2_Atom_Forge_Frame frame;
    const uint32_t length = (uint32_t)strlen(p->path);
    bool fits = lv2_atom_forge_frame_time(forge, 0) &&
                lv2_atom_forge_object(forge, &frame, 0, p->uris.patch_set);
    if (fits) {
        fits = lv2_atom_forge_key(forge, p->uris.patch_property) &&
               lv2_atom_forge_urid(forge, p->uris.model) &&
               lv2_atom_forge_key(forge, p->uris.patch_value) &&
               lv2_atom_forge_path(forge, p->path, length);
        lv2_atom_forge_pop(forge, &frame);
    }
    return fits;
}

static LV2_Atom_Forge_Ref begin(plugin *p, LV2_Atom_Sequence *events, uint32_t capacity,
                                LV2_Atom_Forge_Frame *frame)
{
    lv2_atom_forge_set_buffer(&p->forge, (uint8_t *)events, capacity);
    return lv2_atom_forge_sequence_head(&p->forge, frame, 0);
}

// Where a message does not fit, there is none.
void messages_write(plugin *p)
{
    LV2_Atom_Sequence *events = p->ports[PORT_NOTIFY];
    if (!events || events->atom.size < sizeof(LV2_Atom_Sequence_Body)) {
        return;
    }
    const uint32_t capacity = (uint32_t)sizeof(LV2_Atom) + events->atom.size;
    LV2_Atom_Forge_Frame frame;
    begin(p, events, capacity, &frame);
    if (p->must_tell && !write_path(p)) {
        begin(p, events, capacity, &frame);
    }
    p->must_tell = false;
}
