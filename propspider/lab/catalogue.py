"""What the simulated portal's listings are made of: types, places, phrases, amenities. Agents and agencies are invented."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from propspider.items import Operation, PropertyType

Language = Literal["en", "es"]
Range = tuple[int, int]


class Bilingual(NamedTuple):
    en: str
    es: str

    def said(self, language: Language) -> str:
        return self.en if language == "en" else self.es


class TypeSpec(NamedTuple):
    """`sale` in thousands of MXN, `rent` in hundreds of MXN a month; areas in m²; `weight` relative to the other types."""

    label: Bilingual
    weight: int
    bedrooms: Range | None
    built: Range | None
    lot: Range | None
    sale: Range
    rent: Range
    on_a_floor: bool = False
    sold_by_area: bool = False


TYPES: Mapping[PropertyType, TypeSpec] = {
    PropertyType.HOUSE: TypeSpec(Bilingual("House", "Casa"), 34, (2, 6), (80, 480), (90, 900), (1100, 18000), (70, 650)),
    PropertyType.APARTMENT: TypeSpec(
        Bilingual("Apartment", "Departamento"), 26, (1, 4), (45, 240), None, (950, 14000), (60, 600), on_a_floor=True
    ),
    PropertyType.LOT: TypeSpec(
        Bilingual("Lot", "Terreno"), 12, None, None, (120, 5200), (350, 9000), (40, 300), sold_by_area=True
    ),
    PropertyType.CONDOMINIUM_HOUSE: TypeSpec(
        Bilingual("House in Condominium", "Casa en condominio"), 8, (2, 5), (95, 420), (100, 600), (1500, 16000), (90, 700)
    ),
    PropertyType.OFFICE: TypeSpec(
        Bilingual("Office", "Oficina"), 5, None, (30, 900), None, (1200, 22000), (80, 1900), on_a_floor=True
    ),
    PropertyType.RETAIL: TypeSpec(
        Bilingual("Retail Space", "Local comercial"), 5, None, (25, 600), None, (900, 15000), (60, 1500)
    ),
    PropertyType.WAREHOUSE: TypeSpec(
        Bilingual("Warehouse", "Bodega"), 4, None, (150, 3000), (200, 4500), (2500, 30000), (150, 2500)
    ),
    PropertyType.COMMERCIAL_LOT: TypeSpec(
        Bilingual("Commercial Lot", "Terreno comercial"),
        4,
        None,
        None,
        (300, 9000),
        (1500, 32000),
        (120, 1800),
        sold_by_area=True,
    ),
    PropertyType.BUILDING: TypeSpec(
        Bilingual("Building", "Edificio"), 2, None, (400, 3500), (200, 1500), (9000, 45000), (600, 4500)
    ),
    PropertyType.VILLA: TypeSpec(Bilingual("Villa", "Villa"), 2, (3, 7), (200, 700), (400, 2500), (6000, 42000), (350, 1800)),
    PropertyType.QUINTA: TypeSpec(Bilingual("Quinta", "Quinta"), 2, (2, 6), (120, 600), (800, 6000), (1800, 12000), (150, 700)),
    PropertyType.RANCH: TypeSpec(
        Bilingual("Ranch", "Rancho"), 2, (1, 5), (90, 500), (8000, 90000), (2500, 28000), (120, 800), sold_by_area=True
    ),
    PropertyType.FARM: TypeSpec(
        Bilingual("Farm", "Huerta"), 1, None, None, (6000, 80000), (1200, 15000), (60, 400), sold_by_area=True
    ),
    PropertyType.COMMERCIAL_STORAGE: TypeSpec(
        Bilingual("Commercial Storage Unit", "Bodega comercial"), 2, None, (60, 900), None, (900, 9000), (70, 700)
    ),
    PropertyType.COMMERCIAL_HOUSE: TypeSpec(
        Bilingual("House with Commercial Use", "Casa con uso de suelo"),
        2,
        (2, 6),
        (150, 500),
        (150, 800),
        (3000, 24000),
        (200, 1200),
    ),
    PropertyType.MALL_SPACE: TypeSpec(
        Bilingual("Shopping Mall Space", "Local en centro comercial"), 2, None, (20, 350), None, (1100, 11000), (90, 1600)
    ),
    PropertyType.INDUSTRIAL_LOT: TypeSpec(
        Bilingual("Industrial Lot", "Terreno industrial"),
        2,
        None,
        None,
        (2000, 60000),
        (4000, 45000),
        (300, 3500),
        sold_by_area=True,
    ),
    PropertyType.INDUSTRIAL_WAREHOUSE: TypeSpec(
        Bilingual("Industrial Warehouse", "Nave industrial"), 2, None, (600, 9000), (900, 15000), (8000, 45000), (500, 6000)
    ),
}

# The words that stand for a type in a listing page's URL.
WHOLE_SLUG = Bilingual("properties", "propiedades")
TYPE_SLUGS: Mapping[PropertyType, Bilingual] = {
    PropertyType.HOUSE: Bilingual("houses", "casas"),
    PropertyType.APARTMENT: Bilingual("apartments", "departamentos"),
    PropertyType.LOT: Bilingual("land", "terrenos"),
    PropertyType.CONDOMINIUM_HOUSE: Bilingual("houses-in-condominium", "casas-en-condominio"),
    PropertyType.OFFICE: Bilingual("offices", "oficinas"),
    PropertyType.RETAIL: Bilingual("retail-spaces", "locales-comerciales"),
    PropertyType.WAREHOUSE: Bilingual("warehouses", "bodegas"),
    PropertyType.COMMERCIAL_LOT: Bilingual("commercial-lots", "terrenos-comerciales"),
    PropertyType.BUILDING: Bilingual("buildings", "edificios"),
    PropertyType.VILLA: Bilingual("villas", "villas"),
    PropertyType.QUINTA: Bilingual("quintas", "quintas"),
    PropertyType.RANCH: Bilingual("ranches", "ranchos"),
    PropertyType.FARM: Bilingual("farms", "huertas"),
    PropertyType.COMMERCIAL_STORAGE: Bilingual("commercial-storage-units", "bodegas-comerciales"),
    PropertyType.COMMERCIAL_HOUSE: Bilingual("houses-with-commercial-use", "casas-con-uso-de-suelo"),
    PropertyType.MALL_SPACE: Bilingual("shopping-mall-spaces", "locales-en-centro-comercial"),
    PropertyType.INDUSTRIAL_LOT: Bilingual("industrial-lots", "terrenos-industriales"),
    PropertyType.INDUSTRIAL_WAREHOUSE: Bilingual("industrial-warehouses", "naves-industriales"),
}
STATES = (
    "Aguascalientes",
    "Baja California",
    "Baja California Sur",
    "Campeche",
    "Chiapas",
    "Chihuahua",
    "Ciudad de México",
    "Coahuila",
    "Colima",
    "Durango",
    "Estado de México",
    "Guanajuato",
    "Guerrero",
    "Hidalgo",
    "Jalisco",
    "Michoacán",
    "Morelos",
    "Nayarit",
    "Nuevo León",
    "Oaxaca",
    "Puebla",
    "Querétaro",
    "Quintana Roo",
    "San Luis Potosí",
    "Sinaloa",
    "Sonora",
    "Tabasco",
    "Tamaulipas",
    "Tlaxcala",
    "Veracruz",
    "Yucatán",
    "Zacatecas",
)


class Place(NamedTuple):
    """`postal` is the first three digits of its postal codes; coordinates in degrees."""

    state: str
    city: str
    latitude: float
    longitude: float
    postal: str
    neighborhoods: tuple[str, ...]


PLACES = (
    Place(
        "Ciudad de México", "Cuauhtémoc", 19.4270, -99.1600, "067", ("Roma Norte", "Condesa", "Juárez", "Santa María la Ribera")
    ),
    Place("Ciudad de México", "Miguel Hidalgo", 19.4326, -99.2000, "115", ("Polanco V Sección", "Anáhuac I Sección", "Escandón")),
    Place("Ciudad de México", "Coyoacán", 19.3467, -99.1617, "041", ("Del Carmen", "Santa Catarina", "Copilco Universidad")),
    Place("Estado de México", "Naucalpan de Juárez", 19.4785, -99.2396, "531", ("Ciudad Satélite", "Lomas Verdes 4a Sección")),
    Place(
        "Jalisco",
        "Zapopan",
        20.7214,
        -103.3900,
        "451",
        ("Puerta de Hierro", "Ciudad del Sol", "La Estancia", "Santa Ana Tepetitlán"),
    ),
    Place("Jalisco", "Guadalajara", 20.6736, -103.3440, "446", ("Providencia 2a Sección", "Americana", "Ladrón de Guevara")),
    Place("Jalisco", "Puerto Vallarta", 20.6534, -105.2253, "483", ("Marina Vallarta", "Emiliano Zapata", "5 de Diciembre")),
    Place("Nuevo León", "Monterrey", 25.6866, -100.3161, "640", ("Obispado", "Cumbres 4o Sector", "Mitras Centro", "Contry")),
    Place("Nuevo León", "San Pedro Garza García", 25.6573, -100.4020, "662", ("Del Valle", "San Patricio", "Valle Oriente")),
    Place("Yucatán", "Mérida", 20.9674, -89.6237, "971", ("Temozón Norte", "García Ginerés", "Montes de Amé", "Chichí Suárez")),
    Place("Quintana Roo", "Cancún", 21.1619, -86.8515, "775", ("Supermanzana 15", "Puerto Cancún", "Zona Hotelera")),
    Place("Quintana Roo", "Tulum", 20.2114, -87.4654, "777", ("Aldea Zama", "La Veleta", "Región 8")),
    Place(
        "Querétaro",
        "Santiago de Querétaro",
        20.5888,
        -100.3899,
        "760",
        ("Juriquilla", "Centro Sur", "El Refugio", "Milenio 3a Sección"),
    ),
    Place("Puebla", "San Andrés Cholula", 19.0530, -98.3000, "728", ("Lomas de Angelópolis", "La Vista - Country Club")),
    Place("Guanajuato", "San Miguel de Allende", 20.9144, -100.7452, "377", ("Guadiana", "San Antonio", "Atascadero")),
    Place("Guanajuato", "León", 21.1221, -101.6840, "371", ("Jardines del Moral", "Gran Jardín", "Punta del Este")),
    Place("Baja California", "Tijuana", 32.5149, -117.0382, "220", ("Zona Río", "Playas de Tijuana", "Chapultepec")),
    Place("Baja California", "Mexicali", 32.6245, -115.4523, "212", ("Nueva", "Jardines del Lago", "San Pedro Residencial")),
    Place("Baja California Sur", "Los Cabos", 22.9000, -109.9300, "234", ("El Tezal", "Palmilla", "Cabo Bello")),
    Place("San Luis Potosí", "San Luis Potosí", 22.1565, -100.9855, "782", ("Lomas 4a Sección", "Villa Magna", "Tangamanga")),
    Place("Morelos", "Cuernavaca", 18.9242, -99.2216, "622", ("Reforma", "Vista Hermosa", "Lomas de Cortés")),
    Place("Veracruz", "Boca del Río", 19.1070, -96.1060, "942", ("Costa de Oro", "Reforma", "Las Américas")),
    Place("Oaxaca", "Oaxaca de Juárez", 17.0732, -96.7266, "680", ("Jalatlaco", "Reforma", "Xochimilco")),
    Place("Sinaloa", "Mazatlán", 23.2494, -106.4111, "821", ("Cerritos", "Marina Mazatlán", "Centro")),
)
STREETS = (
    "Calle Robles",
    "Av. de las Palmas",
    "Privada Colibrí",
    "Calle 27",
    "Paseo del Lago",
    "Circuito Magnolias",
    "Cda. Arroyo Hondo",
)

DEALS: Mapping[Operation, Bilingual] = {
    Operation.SALE: Bilingual("sale", "venta"),
    Operation.RENT: Bilingual("rent", "renta"),
    Operation.FORECLOSURE: Bilingual("foreclosure", "remate"),
    Operation.NEW_CONSTRUCTION: Bilingual("pre-sale", "preventa"),
}

# {kind} the type, {deal} the operation, {place} the neighbourhood.
TITLES = (
    Bilingual("{kind} for {deal} in {place}", "{kind} en {deal} en {place}"),
    Bilingual("GREAT OPPORTUNITY IN {place}", "GRAN OPORTUNIDAD EN {place}"),
    Bilingual("{kind} for {deal}: {place} & surroundings", "{kind} en {deal}: {place} & alrededores"),
    Bilingual('{kind} "Los Encinos" in {place} ✨', '{kind} "Los Encinos" en {place} ✨'),
    Bilingual("{place} | {kind} ready to sign", "{place} | {kind} para escriturar ya"),
    Bilingual("{kind} 5 minutes from {place}, {deal}", "{kind} a 5 minutos de {place}, {deal}"),
)
SENTENCES = (
    Bilingual("Quiet street with trees and little traffic.", "Calle tranquila, arbolada y con poco tránsito."),
    Bilingual("Close to schools, markets and main avenues 🚗", "Cerca de escuelas, mercados y avenidas principales 🚗"),
    Bilingual("Deeds in order; mortgages < 20 years accepted.", "Escrituras en regla; se aceptan créditos < 20 años."),
    Bilingual("Bright rooms that look onto the garden 🌳", "Espacios con luz natural y vista al jardín 🌳"),
    Bilingual("Maintenance: $1,850 pesos / month.", "Mantenimiento: $1,850 pesos / mes."),
    Bilingual("Cistern for 10,000 litres and a gas boiler.", "Cisterna de 10,000 litros y boiler de gas."),
    Bilingual("Front of 12 m, depth of 25 m.", "12 m de frente por 25 m de fondo."),
    Bilingual("Visits by appointment, also on Saturdays.", "Visitas con cita, también en sábado."),
    Bilingual("Ideal for a family or as an investment.", "Ideal para familia o como inversión."),
    Bilingual("Prices and availability may change without notice.", "Precio y disponibilidad sujetos a cambio sin previo aviso."),
)
REVISION = Bilingual("Updated on day {day}: now with {what}.", "Actualizado el día {day}: ahora con {what}.")
REVISIONS = (
    Bilingual("a new waterproof roof", "impermeabilizante nuevo"),
    Bilingual("fresh paint", "pintura nueva"),
    Bilingual("furniture included", "muebles incluidos"),
    Bilingual("flexible visiting hours", "horario flexible de visitas"),
)

AMENITIES: Mapping[Bilingual, tuple[Bilingual, ...]] = {
    Bilingual("Exterior", "Exterior"): (
        Bilingual("Garden", "Jardín"),
        Bilingual("Terrace", "Terraza"),
        Bilingual("Balcony", "Balcón"),
        Bilingual("Covered parking", "Garage"),
        Bilingual("Cistern", "Cisterna"),
    ),
    Bilingual("General", "General"): (
        Bilingual("Air conditioning", "Aire acondicionado"),
        Bilingual("Elevator", "Elevador"),
        Bilingual("Furnished", "Amueblado"),
        Bilingual("Equipped kitchen", "Cocina equipada"),
        Bilingual("24 hour security", "Seguridad 24 horas"),
    ),
    Bilingual("Policies", "Políticas"): (
        Bilingual("Pets allowed", "Mascotas permitidas"),
        Bilingual("No smoking", "Prohibido fumar"),
    ),
    Bilingual("Recreation", "Recreación"): (
        Bilingual("Swimming pool", "Alberca"),
        Bilingual("Gym", "Gimnasio"),
        Bilingual("Playground", "Área de juegos infantiles"),
    ),
}

AGENTS = (
    "Ariadna Muestra",
    "Tomás Ejemplo",
    "Lucía Ficticia",
    "Bruno Prueba",
    "Elvira Supuesta",
    "Gael Inventado",
    "Noa Simulada",
)
AGENCIES = ("Faro Azul Inmuebles", "Casa Colibrí", "Grupo Tres Nogales", "Ladrillo & Cantera", "Puerta Ocre Bienes Raíces")
