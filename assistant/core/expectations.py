"""What an answer must show: a question for a phone number wants a phone number, one for a price an amount.

Patterns in English and Russian. The first expectation whose question pattern matches counts; a statement meets it in
full (1.0), in part (0.5) or not at all (0.0). Questions without one get 0.5 for every statement.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

NO_EXPECTATION = 0.5

_NUMBERS = (
    r"\d|\b(?:no|none|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|half|both|once|twice|"
    r"од[ие]н|одна|дв[ае]|двое|три|трое|четыре|пять|шесть|семь|восемь|девять|десять|половин\w+|раз)\b"
)
_MONTHS = (
    r"jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?|январ\w+|феврал\w+|март\w*|апрел\w+|ма[йяе]|июн\w+|июл\w+|август\w*|сентябр\w+|"
    r"октябр\w+|ноябр\w+|декабр\w+|spring|summer|autumn|winter|весн\w+|лет[оа]м?|осен\w+|зим\w+|christmas|easter|new year"
)
_DAYS = (
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?|weekends?|понедельник\w*|вторник\w*|сред[ауыеь]\w*|четверг\w*|"
    r"пятниц\w+|суббот\w+|воскресень\w+|tomorrow|yesterday|today"
)
_DATE = rf"\d{{4}}-\d\d|\b\d\d?[.:]\d\d\b|\b(?:19|20)\d\d\b|\b(?:{_MONTHS}|{_DAYS})\b"
_DURATION = (
    r"(?:\d|\bone\b|\btwo\b|\bthree\b|\bhalf an?\b|\ba\b|\bпол)[\d.,\s–-]*\s?"
    r"(?:ms|s|sec\w*|min\w*|h|hours?|days?|nights?|weeks?|months?|years?|секунд\w*|минут\w*|мин|час\w*|ч|дн\w+|день|"
    r"недел\w+|месяц\w*|год\w*|лет)\b|\bevery\b|\bdaily\b|\bweekly\b|\bmonthly\b|\bкажд\w+|\bовернайт\b|\bnext day\b|"
    r"\bovernight\b|\buntil\b|\bдо\b|\bраз в\b|_(?:s|ms|seconds|minutes|hours|days)\b"
)
_MONEY = r"EUR|€|\$|£|USD|\beuros?\b|\bевро\b|\bруб\w*|\bprice\b|\bamount\b|\bfree\b|\bбесплатно\b"
_NAME_INSIDE = r"(?<=[a-zа-яё0-9,;:(&–-]\s)[A-ZА-ЯЁ][\wà-žа-яё]+|@|\bI\b|\bme\b|\bwe\b|\bя\b|\bмы\b|[\"«“]"
_NAME_FIRST = r"^\W*[A-ZА-ЯЁ][\wà-žа-яё]+"
_SIZE = r"\d[\d.,\s]*(?:x|×)\s?\d|\d\s?(?:mm|cm|dm|m|km|m2|m²|sqm|ha|inch\w*|l|ml|мм|см|м|км|м2|сот\w*|га|л)\b"
_COLOURS = (
    r"\b(?:white|black|gr[ea]y|red|green|blue|yellow|orange|brown|beige|pink|purple|violet|silver|dark|light|"
    r"бел\w+|черн\w+|чёрн\w+|сер\w+|красн\w+|зел[её]н\w+|син\w+|голуб\w+|ж[её]лт\w+|коричнев\w+)\b"
)
_REASONS = (
    r"\b(?:because|since|so that|so|due to|reason|in order to|to avoid|caused?|otherwise|therefore|as|"
    r"потому|так как|чтобы|из-за|причин\w+|иначе|поэтому|ведь)\b|[:;–(]|->"
)
_PLACES = (
    r"[/~]\w|\b(?:in|at|on|under|behind|beside|above|below|from|near|inside|next to|by|"
    r"в|во|на|под|за|над|у|возле|около|из|рядом)\b"
)

_HOW = r"how\s+(?:\w+ly\s+)?"
_TABLE: tuple[tuple[str, str, str], ...] = (
    # the question, what meets it in full, what in part
    (r"phone|telephone|number (?:do|should) i (?:call|ring|dial)|номер телефона|телефон\w*", r"\+?\d[\d\s()-]{5,}\d", r"(?!)"),
    (r"e-?mail address|e-?mail of|адрес почты", r"\S@\S", r"(?!)"),
    (r"ip address|which ip|на каком ip", r"\d+\.\d+\.\d+\.\d+", r"\d"),
    (r"what colou?r|which colou?r|какого цвета|какой цвет", _COLOURS, r"\d"),
    (rf"{_HOW}(?:tall|wide|thick|big|large|high|deep|long is the)|what size|which size|размер", _SIZE, r"\d"),
    (rf"{_HOW}heavy|weigh|what weight|from what weight|weight limit|сколько весит|вес\b", r"\d\s?(?:kg|g|t|кг|г)\b", r"\d"),
    (rf"{_HOW}fast|what speed|which speed|скорост", r"\d\s?(?:km/h|kmh|mph|MB/s|Mbit|м/с|км/ч)|\d.{0,12}(?:s|min)", r"\d"),
    (rf"{_HOW}far|what distance|далеко", r"\d\s?(?:km|m|км|м)\b", r"\d"),
    (rf"{_HOW}(?:hot|warm|cold)|temperature|температур", r"\d\s?(?:°|º|C\b|degrees|градус)|[+−-]\d|\d", r"(?!)"),
    (rf"{_HOW}(?:loud|noisy)|decibel", r"\d\s?dB", r"(?!)"),
    (r"how much (?:ram|memory|disk|storage|space)|gigabyte", r"\d\s?(?:[KMGT]i?B)\b", r"(?!)"),
    (r"horsepower|\bkw\b|how powerful|мощност", r"\d\s?(?:kW|hp|PS|W|кВт|л\. ?с)\b", r"(?!)"),
    (rf"{_HOW}old|what age|сколько лет", r"\b(?:years?|months?|born|age|лет|год\w*)\b|\b(?:19|20)\d\d\b", r"\d"),
    (r"version|версия|версии", r"\d+\.\d+|\bv?\d+\b", r"(?!)"),
    (r"how long|how often|how soon|how many (?:hours|days|weeks|minutes|seconds|months|years)|как (?:долго|часто)|"
     r"сколько (?:времени|дней|часов|минут|лет)", _DURATION, r"\d"),
    (r"(?:what|how much).*\b(?:cost|costs|price|pay|paid|salary|earn|spend|spent|fee|fees|expensive|charge|rent|deposit)\b|"
     r"\bprice of\b|how expensive|how much (?:is|are|was|were)\b|сколько (?:стои\w+|плат\w+|заплат\w+|я заплат\w+)|почём|цена",
     _MONEY + r"|_eur", r"\d"),
    (r"how many|how much|сколько|what share|what percentage|what number", _NUMBERS, r"(?!)"),
    (r"when|(?:what|which) (?:time|date|day|year|month)|until when|by when|since when|когда|какого числа|в каком году|"
     r"до какого|с какого|во сколько|в какой день", _DATE, r"\d|\b(?:after|before|every|night|morning|evening|утр\w+|вечер\w+|каждый)\b"),
    (r"who|whom|whose|кто|кого|кому|у кого|с кем|чей|чья|чьё", _NAME_INSIDE, _NAME_FIRST),
    (r"(?:which|what) (?:brand|make|model|company|shop|airline|hotel|restaurant|doctor|person|bank)|surname|last name|"
     r"как зовут|фамилия|какой фирмы", _NAME_INSIDE, _NAME_FIRST),
    (r"where|где|куда|откуда", _PLACES, r"[A-ZА-Я]"),
    (r"why|what for|reason|почему|зачем|отчего", _REASONS, r"\w"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Expectation:
    full: re.Pattern[str]
    part: re.Pattern[str]

    def met_by(self, words: str) -> float:
        """How far the words of a statement meet the expectation: 1.0, 0.5 or 0.0."""
        if self.full.search(words):
            return 1.0
        return 0.5 if self.part.search(words) else 0.0


@cache
def _compiled() -> tuple[tuple[re.Pattern[str], Expectation], ...]:
    """Compiled when the first answer is sought: a question that is only recalled need not wait for it."""
    return tuple(
        (
            re.compile(
                rf"\b(?:{question})" if not question.startswith(r"(?:what|how much).*") else question, re.IGNORECASE
            ),
            Expectation(re.compile(full, 0 if full is _NAME_INSIDE else re.IGNORECASE), re.compile(part)),
        )
        for question, full, part in _TABLE
    )


def expectation_of(question: str) -> Expectation | None:
    """What an answer to the question must show; ``None`` when nothing in particular."""
    return next((expectation for pattern, expectation in _compiled() if pattern.search(question)), None)
