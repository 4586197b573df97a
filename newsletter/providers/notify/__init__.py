"""GOV.UK Notify: sends through its API (`provider`) and takes its delivery receipts (`callbacks`)."""

from newsletter.providers.notify.callbacks import receiver as receiver
from newsletter.providers.notify.provider import Notify as Notify
from newsletter.providers.notify.provider import carrier as carrier
from newsletter.providers.notify.provider import make as make
