// SPDX-License-Identifier: GPL-3.0-or-later
/** URIs as the numbers that the host gives them. */
#ifndef UNBRAID_PLUGIN_URIS_H
#define UNBRAID_PLUGIN_URIS_H

#include "ports.h"

#include <lv2/atom/atom.h>
#include <lv2/midi/midi.h>
#include <lv2/patch/patch.h>
#include <lv2/urid/urid.h>

typedef struct plugin_uris {
    LV2_URID atom_path, atom_string, atom_urid, model, export, places;
    LV2_URID midi_event;
    LV2_URID patch_get, patch_set, patch_property, patch_value;
} plugin_uris;

static inline plugin_uris plugin_uris_map(LV2_URID_Map *map)
{
    return (plugin_uris){
        .atom_path = map->map(map->handle, LV2_ATOM__Path),
        .atom_string = map->map(map->handle, LV2_ATOM__String),
        .atom_urid = map->map(map->handle, LV2_ATOM__URID),
        .model = map->map(map->handle, PLUGIN_MODEL_URI),
        .export = map->map(map->handle, PLUGIN_EXPORT_URI),
        .places = map->map(map->handle, PLUGIN_PLACES_URI),
        .midi_event = map->map(map->handle, LV2_MIDI__MidiEvent),
        .patch_get = map->map(map->handle, LV2_PATCH__Get),
        .patch_set = map->map(map->handle, LV2_PATCH__Set),
        .patch_property = map->map(map->handle, LV2_PATCH__property),
        .patch_value = map->map(map->handle, LV2_PATCH__value),
    };
}

#endif
