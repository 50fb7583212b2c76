"""Locations: the places of companies."""

from typing import Annotated

from hmlib.db.list_query import folded
from hmlib.kinds.resource import Field, Lifecycle, Record, Resource, Unique
from hmlib.kinds.types import Phone, Reference, Text, YesNo
from nexus_srv.directory.countries import Country

TAKEN = "The company has a location of this name."
COMPANY = Reference("companies", table="company", needed=True)


class Location(Record, frozen=True, kw_only=True):
    """A place of a company. `address` may have several lines; `country` is two letters (ISO 3166)."""

    company_id: Annotated[str, Field("Company", COMPANY, sort="=", searched=True, filtered=True, listed=True)]
    name: Annotated[
        str, Field("Name", Text(needed=True), sort="name_form", searched=True, listed=True, also=("Site", "Site Name", "Branch"))
    ]
    address: Annotated[str, Field("Address", Text(500, lines=True), searched=True, also=("Street", "Address 1"))] = ""
    postal_code: Annotated[str, Field("Postal code", Text(20), searched=True, also=("Zip", "Zip Code", "Postcode"))] = ""
    city: Annotated[str, Field("City", Text(100), sort="=", searched=True, listed=True, beside=True, also=("Town",))] = ""
    region: Annotated[str, Field("State or region", Text(100), beside=True, also=("State", "Province", "County"))] = ""
    country: Annotated[str, Field("Country", Country(), sort="=", filtered=True, listed=True)] = ""
    phone: Annotated[str, Field("Phone", Phone(), searched=True, also=("Phone Number", "Telephone"))] = ""
    active: Annotated[bool, Field("In use", YesNo(), filtered=True)] = True
    source: Annotated[str, Field("Source", Text(50), on_form=False)] = ""
    external_id: Annotated[str | None, Field("External id", Text(200, empty=None), help="By which name another system knows it.")] = None
    company_name: str = ""


LOCATIONS = Resource(
    name="location",
    plural="locations",
    record=Location,
    read="directory:read",
    write="directory:write",
    followed=True,
    icon="map-pin",
    custom=True,
    trigrams=True,
    derived={"name_form": lambda location: folded(location.name)},
    unique=(
        Unique(("company_id", "name_form"), "location_of_company", "name", TAKEN),
        Unique(("source", "external_id"), "location_external_id", "external_id", "This external id belongs to another location."),
    ),
    lifecycle=Lifecycle(lambda location, today: {"active": False}, {"active": True}, lambda location: not location.active),
)
