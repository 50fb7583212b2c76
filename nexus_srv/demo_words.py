"""Names and words for the made-up MSP; the domains end in .example, so that no mail can reach anybody."""

COMPANIES = (
    ("Alder Street Dental", "alderdental.example"),
    ("Birchwood Legal Group", "birchwoodlegal.example"),
    ("Copper Hill Brewing", "copperhill.example"),
    ("Delta Ridge Construction", "deltaridge.example"),
    ("Eastgate Police Federation", "eastgatepf.example"),
    ("Foxglove Veterinary Clinic", "foxglovevet.example"),
    ("Granite Peak Accounting", "granitepeak.example"),
    ("Harbor Light Pediatrics", "harborlight.example"),
    ("Ironwood Machine Works", "ironwoodmachine.example"),
    ("Juniper Valley Schools", "junipervalley.example"),
    ("Kestrel Freight Lines", "kestrelfreight.example"),
    ("Lakeside Family Practice", "lakesidefp.example"),
    ("Maple & Stone Architects", "maplestone.example"),
    ("Northwind Property Care", "northwindcare.example"),
    ("Orchard Park Credit Union", "orchardparkcu.example"),
    ("Pinecrest Funeral Homes", "pinecrest.example"),
    ("Quarry Road Auto Group", "quarryroad.example"),
    ("Red Barn Organics", "redbarn.example"),
    ("Silver Creek Insurance", "silvercreek.example"),
    ("Tidewater Marine Supply", "tidewater.example"),
    ("Union Square Optics", "unionoptics.example"),
    ("Vanguard Roofing", "vanguardroof.example"),
    ("Willow Bend Senior Living", "willowbend.example"),
    ("Xavier & Lane Title", "xavierlane.example"),
    ("Yellow Pine Lumber", "yellowpine.example"),
    ("Zephyr Heating and Air", "zephyrair.example"),
    ("Amber Coast Travel", "ambercoast.example"),
    ("Bluebird Home Health", "bluebirdhh.example"),
    ("Cedar Falls Township", "cedarfalls.example"),
    ("Dogwood Day School", "dogwoodschool.example"),
    ("Elm Grove Orthopedics", "elmgrove.example"),
    ("Fairmont Wealth Partners", "fairmontwealth.example"),
    ("Goldenrod Press", "goldenrodpress.example"),
    ("Hickory Tool and Die", "hickorytool.example"),
    ("Indigo Print House", "indigoprint.example"),
    ("Jasper County Abstract", "jasperabstract.example"),
    ("Kingfisher Engineering", "kingfishereng.example"),
    ("Linden Community Theater", "lindentheater.example"),
    ("Meadowlark Catering", "meadowlark.example"),
    ("Nine Elms Robotics", "nineelms.example"),
)

FIRST_NAMES = (
    "Aaron", "Abigail", "Alicia", "Andre", "Angela", "Anthony", "Beatriz", "Brandon", "Camila", "Carlos", "Chloe", "Claire", "Daniel",
    "Deepa", "Diego", "Elena", "Emily", "Ethan", "Fatima", "Felix", "Gabriel", "Grace", "Hannah", "Henry", "Imani", "Isaac", "Jasmine",
    "Jonah", "Julia", "Kavya", "Kevin", "Laura", "Leah", "Liam", "Lucas", "Maya", "Mei", "Miguel", "Naomi", "Nathan", "Noor", "Olivia",
    "Oscar", "Paige", "Priya", "Quinn", "Rafael", "Rosa", "Samuel", "Sofia", "Tara", "Theo", "Uma", "Victor", "Wendy", "Yusuf", "Zoe",
)  # fmt: skip

LAST_NAMES = (
    "Adams", "Baker", "Barnes", "Bennett", "Brooks", "Carter", "Castillo", "Chen", "Cohen", "Coleman", "Cruz", "Diaz", "Edwards", "Ellis",
    "Fischer", "Flores", "Foster", "Garcia", "Gomez", "Graham", "Hayes", "Hughes", "Ibrahim", "Jackson", "Jensen", "Kapoor", "Kelly", "Kim",
    "Lambert", "Larsen", "Lopez", "Marshall", "Mason", "Meyer", "Morales", "Murphy", "Nguyen", "Novak", "Okafor", "Olsen", "Ortiz",
    "Parker", "Patel", "Perry", "Ramos", "Reyes", "Rivera", "Rossi", "Russo", "Sanders", "Schmidt", "Silva", "Singh", "Sullivan",
    "Torres", "Turner",
    "Vargas", "Walsh", "Weber", "Wright", "Young", "Zhang",
)  # fmt: skip

CITIES = (
    ("Dayton", "OH", "45402"),
    ("Boise", "ID", "83702"),
    ("Duluth", "MN", "55802"),
    ("Eugene", "OR", "97401"),
    ("Macon", "GA", "31201"),
    ("Pueblo", "CO", "81003"),
    ("Salem", "MA", "01970"),
    ("Tucson", "AZ", "85701"),
    ("Utica", "NY", "13501"),
    ("Waco", "TX", "76701"),
    ("York", "PA", "17401"),
)

TITLES = (
    "Owner",
    "Office manager",
    "Bookkeeper",
    "Operations lead",
    "Receptionist",
    "Project manager",
    "Technician",
    "Director",
    "Assistant",
)

EXCLUSIONS = ("kiosk", "shared mailbox", "scanner account", "meeting room")

SYSTEMS = {
    "workstation": ("Windows 11 Pro", "Windows 11 Pro", "macOS 26", "Windows 10 Pro"),
    "server": ("Windows Server 2022", "Windows Server 2025", "Debian 13"),
    "vm": ("Windows Server 2022", "Ubuntu 24.04"),
    "switch": ("ArubaOS-CX", "IOS XE"),
    "firewall": ("FortiOS 7.6", "OPNsense 26.1"),
    "other": ("Embedded Linux",),
}
