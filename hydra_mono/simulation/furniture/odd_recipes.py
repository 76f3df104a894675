"""What stands where in odd worlds: objects of one label that touch, and furniture off the walls."""

from hydra_mono.simulation.furniture.recipes import RECIPES, Group, Item, Recipe

_CROWDED_TABLE = Group(
    "middle",
    (
        Item("table"),
        *(Item("chair", x_m=x, y_m=-0.56) for x in (-0.45, 0.0, 0.45)),
        *(Item("chair", x_m=x, y_m=0.56, yaw_deg=180) for x in (-0.23, 0.23)),
    ),
)
_CROWDED_ROUND_TABLE = Group(
    "free",
    (
        Item("round table"),
        Item("chair", y_m=-0.52),
        Item("chair", y_m=0.52, yaw_deg=180),
        Item("chair", x_m=-0.52, yaw_deg=-90),
        Item("chair", x_m=0.52, yaw_deg=90),
    ),
)
_CABINET_ROW = Group(
    "wall", (Item("cabinet"), Item("cabinet", beside=-1), Item("cabinet", x_m=0.02, beside=1))
)
_CABINET_PAIR = Group("wall", (Item("cabinet"), Item("cabinet", x_m=0.01, beside=1)))
_BOOKSHELF_PAIR = Group("wall", (Item("bookshelf"), Item("bookshelf", beside=1)))
_ARMCHAIR_PAIR = Group("wall", (Item("armchair"), Item("armchair", x_m=0.03, beside=1)))
_SOFA_ISLAND = Group("free", (Item("sofa"), Item("coffee table", y_m=0.42, before=True)))
_DESK_ISLAND = Group(
    "free",
    (
        Item("desk"),
        Item("monitor", y_m=-0.15, on_top=True),
        Item("office chair", y_m=-0.1, yaw_deg=180, jitter_deg=30, before=True),
    ),
)
_KITCHEN_ISLAND = Group("free", (Item("counter"), Item("stool", y_m=0.15, before=True)))
_BOXES = Group("free", (Item("box"), Item("box", x_m=0.02, beside=1)))


def _slanted(kind: str, above_m: float = 0.0) -> Group:
    return Group("slant", (Item(kind, above_m=above_m),))


_MIRROR = Group("wall", (Item("mirror", above_m=0.9),))
_OWN: dict[str, Recipe] = {
    "bathroom": ((_MIRROR, 0.8),),
    "living": (
        (_SOFA_ISLAND, 0.7),
        (_ARMCHAIR_PAIR, 0.7),
        (_slanted("bookshelf"), 0.8),
        (_CABINET_ROW, 0.6),
    ),
    "kitchen": ((_CROWDED_ROUND_TABLE, 0.7), (_KITCHEN_ISLAND, 0.6), (_slanted("cabinet"), 0.8)),
    "dining": (
        (_CROWDED_TABLE, 0.9),
        (_CROWDED_ROUND_TABLE, 0.5),
        (_slanted("cabinet"), 0.8),
        (_CABINET_PAIR, 0.7),
    ),
    "bedroom": ((_slanted("dresser"), 0.8), (_CABINET_PAIR, 0.4), (_MIRROR, 0.5)),
    "office": (
        (_DESK_ISLAND, 0.7),
        (_BOOKSHELF_PAIR, 0.7),
        (_slanted("picture", above_m=1.45), 0.6),
        (_slanted("bookshelf"), 0.8),
    ),
    "storage": ((_CABINET_ROW, 0.8), (_BOXES, 0.6), (_slanted("cabinet"), 0.8)),
    "corridor": ((_CABINET_PAIR, 0.4), (_MIRROR, 0.5)),
}
ODD_RECIPES: dict[str, Recipe] = {
    room: (*_OWN.get(room, ()), *usual) for room, usual in RECIPES.items()
}
