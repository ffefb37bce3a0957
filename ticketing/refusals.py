"""What each endpoint may refuse: the errors that are its own.

An endpoint that is missing here fails a test. What follows from an endpoint's shape and rule (no sign-in, a body that can't be
read, a header that is missing) is added by `ticketing.problems`.
"""

from __future__ import annotations

from collections.abc import Mapping

from ticketing.accounts import grants, links, members, oauth_routes, passwords, profile, service, sessions, social
from ticketing.accounts.access import Endpoint, VendorUnclear
from ticketing.catalog import browse, changes, layouts, life, payment_methods, plan, venues
from ticketing.foundation import clock, money, outbound, states
from ticketing.foundation.errors import Conflict, Malformed, TicketingError
from ticketing.foundation.limits import TooManyRequests
from ticketing.inventory import best, blocks, capacity, claim, holds, publish, seat_feed, seat_viewers, seatmap, withdraw
from ticketing.inventory.writer import WriterBusy
from ticketing.messages import preferences, push
from ticketing.orders import admission, cancel, cancel_ticket, package, pay, place, receipt
from ticketing.packages import sale as packages
from ticketing.payments import providers
from ticketing.photos import encode, structure, uploads
from ticketing.photos import service as photos
from ticketing.privacy import routes as privacy_routes
from ticketing.privacy import service as privacy
from ticketing.promotions import service as promotions
from ticketing.promotions import uses
from ticketing.reseating import apply
from ticketing.reseating import service as reseating
from ticketing.tickets.routes import TicketCancelled
from ticketing.tickets.service import TicketNotFound
from ticketing.waitinglist import service as waitinglist
from ticketing.waitingroom import enter, tokens
from ticketing.waitingroom import service as waitingroom
from ticketing.webhooks_out import service as webhooks

Problems = tuple[type[TicketingError], ...]

MAILED: Problems = (TooManyRequests,)
PASSWORD: Problems = (passwords.PasswordNotAcceptable, passwords.SignInsBusy)
ADDRESS: Problems = (service.AddressNotAcceptable,)
BY_WRITER: Problems = (WriterBusy,)
HOLDING: Problems = (
    claim.EventNotFound,
    claim.SeatNotFound,
    claim.NotOnSale,
    claim.SeatsTaken,
    claim.TicketTypeNotOnSale,
    claim.AccessCodeNeeded,
    claim.AllowanceExceeded,
    claim.TooManyHolds,
    claim.SoldOut,
    best.NoAdjacentSeats,
    admission.NotYourTurn,
    admission.OneHoldAtATime,
    uses.CodeUnknown,
    uses.CodeNotInForce,
    TooManyRequests,
    *BY_WRITER,
)
ORDERING: Problems = (
    holds.HoldNotFound,
    holds.HoldEnded,
    place.HoldOrdered,
    place.HoldsDiffer,
    uses.CodeUnknown,
    uses.CodeNotInForce,
    uses.CodeUsedUp,
    uses.CodeNotForThis,
    TooManyRequests,
    *BY_WRITER,
)
PROVIDER: Problems = (providers.ProviderUnknown, providers.ProviderBusy, providers.ProviderDenied, providers.ProviderRefused)
CALLBACK: Problems = (pay.ProviderNotOffered, providers.BadSignature, Malformed, *BY_WRITER)
OWN_EVENT: Problems = (changes.EventUnknown,)
EVENT_BODY: Problems = (clock.UnknownZone, money.UnknownCurrency, money.AmountNotRepresentable)
AMOUNT: Problems = (money.UnknownCurrency, money.AmountNotRepresentable)
CLIENT: Problems = (grants.ClientUnknown, grants.GrantRefused, TooManyRequests)
OWN_PROMOTION: Problems = (promotions.PromotionNotFound,)
PACKAGE: Problems = (packages.PackageNotFound,)
OWN_QUEUE: Problems = (waitingroom.QueueNotFound,)
OWN_WEBHOOK: Problems = (webhooks.WebhookNotFound,)
OWN_TICKET: Problems = (TicketNotFound,)
OWN_VENDOR: Problems = (service.VendorNotFound,)

PHOTO_FILE: Problems = (
    encode.PhotosBusy,
    TooManyRequests,
    uploads.FormExpected,
    uploads.FormBroken,
    structure.PhotoTooLarge,
    structure.PhotoEmpty,
    structure.NotAPhoto,
    structure.PhotoTooManyPixels,
    structure.PhotoAnimated,
    structure.PhotoTruncated,
    structure.PhotoDamaged,
    structure.PhotoAmbiguous,
)
OWN_LAYOUT: Problems = (layouts.LayoutNotFound,)
PLAN: Problems = (layouts.PlanNotAcceptable, plan.PlanRefused, clock.UnknownZone)

ACCOUNTS: Mapping[Endpoint, Problems] = {
    ("POST", "/api/register"): (*ADDRESS, *PASSWORD, service.AddressTaken, service.SlugTaken, clock.UnknownZone, TooManyRequests),
    ("POST", "/api/login"): (service.WrongCredentials, passwords.SignInsBusy, TooManyRequests),
    ("POST", "/api/guests"): ADDRESS,
    ("POST", "/api/logout"): (),
    ("POST", "/api/email-verifications"): MAILED,
    ("POST", "/api/email-verifications/confirm"): (links.LinkNotValid,),
    ("POST", "/api/order-lookups"): MAILED,
    ("POST", "/api/password-resets"): MAILED,
    ("POST", "/api/password-resets/confirm"): (links.LinkNotValid, *PASSWORD),
    ("GET", "/api/me"): (),
    ("GET", "/api/sessions"): (),
    ("DELETE", "/api/sessions"): (),
    ("DELETE", "/api/sessions/{session_id}"): (sessions.SessionNotFound,),
    ("POST", "/api/users/{user_id}/disable"): (sessions.UserNotFound,),
    ("POST", "/api/users/{user_id}/enable"): (sessions.UserNotFound,),
}

OAUTH: Mapping[Endpoint, Problems] = {
    ("GET", "/api/vendors/{vendor_id}/clients"): OWN_VENDOR,
    ("POST", "/api/vendors/{vendor_id}/clients"): (*OWN_VENDOR, grants.TooManyClients),
    ("DELETE", "/api/vendors/{vendor_id}/clients/{client_id}"): (*OWN_VENDOR, grants.ClientNotFound),
    ("POST", "/api/oauth/token"): (*CLIENT, grants.ScopeRefused, oauth_routes.GrantTypeUnknown),
    ("POST", "/api/oauth/revoke"): CLIENT,
    ("GET", "/api/oauth/{provider}/start"): (social.SignInProviderNotFound, social.SignInProviderSilent),
    ("GET", "/api/oauth/{provider}/callback"): (
        social.SignInProviderNotFound,
        social.SignInProviderSilent,
        social.JourneyBroken,
        social.SignInRefused,
        social.AddressNotGiven,
        *ADDRESS,
        service.AddressTaken,
        service.WrongCredentials,
        TooManyRequests,
    ),
}

PEOPLE: Mapping[Endpoint, Problems] = {
    ("GET", "/api/users/{user_id}"): (sessions.UserNotFound,),
    ("PUT", "/api/users/{user_id}"): (
        sessions.UserNotFound,
        *ADDRESS,
        service.AddressTaken,
        profile.LocaleUnknown,
        profile.PasswordWrong,
        passwords.SignInsBusy,
        TooManyRequests,
    ),
    ("POST", "/api/email-changes/confirm"): (links.LinkNotValid, service.AddressTaken),
    ("GET", "/api/vendors/{vendor_id}/members"): OWN_VENDOR,
    ("POST", "/api/vendors/{vendor_id}/members"): (*OWN_VENDOR, members.AccountNotFound, service.AlreadyMember, TooManyRequests),
    ("PUT", "/api/vendors/{vendor_id}/members/{user_id}"): (*OWN_VENDOR, members.MemberNotFound, members.LastOwner),
    ("DELETE", "/api/vendors/{vendor_id}/members/{user_id}"): (*OWN_VENDOR, members.MemberNotFound, members.LastOwner),
    ("GET", "/api/preferences"): (),
    ("PUT", "/api/preferences"): (preferences.QuietHoursEmpty, clock.UnknownZone),
    ("POST", "/api/push-subscriptions"): (outbound.AddressRefused, push.PushKeysUnreadable, push.TooManyPushSubscriptions),
    ("GET", "/api/push-subscriptions"): (),
    ("DELETE", "/api/push-subscriptions/{push_subscription_id}"): (push.PushSubscriptionNotFound,),
}

EVENTS: Mapping[Endpoint, Problems] = {
    ("GET", "/api/events"): (Malformed,),
    ("GET", "/api/events/{event_id}"): (browse.EventNotPublic,),
    ("GET", "/api/events/{event_id}/tickets"): (browse.EventNotPublic,),
    ("HEAD", "/api/events/{event_id}/tickets"): (browse.EventNotPublic,),
    ("GET", "/api/events/{event_id}/seats"): (browse.EventNotPublic, seatmap.SectionNotFound, seat_feed.FeedAway),
    ("GET", "/api/events/{event_id}/seats/stream"): (browse.EventNotPublic, seat_feed.FeedAway, seat_viewers.StreamsFull),
    ("POST", "/api/events"): (*OWN_VENDOR, VendorUnclear, *EVENT_BODY),
    ("PUT", "/api/events/{event_id}"): (*OWN_EVENT, changes.EventFixed, *EVENT_BODY),
    ("PATCH", "/api/events/{event_id}"): (*OWN_EVENT, changes.EventFixed, *EVENT_BODY),
    ("DELETE", "/api/events/{event_id}"): (*OWN_EVENT, withdraw.EventHasBuyers, states.TransitionNotAllowed),
    ("POST", "/api/events/{event_id}/publish"): (*(*OWN_EVENT, publish.EventIncomplete, publish.EventOver, states.TransitionNotAllowed),),
    ("GET", "/api/vendors/{vendor_id}/events"): OWN_VENDOR,
    ("GET", "/api/vendors/{vendor_id}/events/{event_id}"): (*OWN_VENDOR, *OWN_EVENT),
}

BOOKING: Mapping[Endpoint, Problems] = {
    ("POST", "/api/events/{id}/holds"): HOLDING,
    ("GET", "/api/holds/{id}"): (holds.HoldNotFound, *BY_WRITER),
    ("PATCH", "/api/holds/{id}"): (holds.HoldNotFound, holds.HoldEnded, holds.AlreadyExtended, Conflict, *BY_WRITER),
    ("DELETE", "/api/holds/{id}"): (holds.HoldNotFound, holds.HoldEnded, Conflict, *BY_WRITER),
    ("POST", "/api/orders"): ORDERING,
    ("GET", "/api/orders"): (Malformed, *BY_WRITER),
    ("GET", "/api/orders/{id}"): (pay.OrderNotFound, *BY_WRITER),
    ("DELETE", "/api/orders/{id}"): (pay.OrderNotFound, cancel.OrderNotCancellable, *BY_WRITER),
    ("POST", "/api/payments"): (pay.OrderNotFound, pay.OrderPaid, pay.OrderNotPayable, pay.ProviderNotOffered, *PROVIDER, *BY_WRITER),
    ("GET", "/api/payments/{id}"): (pay.OrderNotFound, *BY_WRITER),
    ("POST", "/api/payments/webhooks/{provider}"): CALLBACK,
}

WAITING_ROOM: Mapping[Endpoint, Problems] = {
    ("POST", "/api/events/{id}/queue"): (enter.NoQueue, *BY_WRITER),
    ("GET", "/api/queue/{token}"): (tokens.NoSuchPlace,),
    ("DELETE", "/api/queue/{token}"): (tokens.NoSuchPlace,),
    ("PUT", "/api/events/{event_id}/queue"): (*OWN_QUEUE, waitingroom.QueueHasOpened),
    ("GET", "/api/events/{event_id}/queue"): OWN_QUEUE,
    ("POST", "/api/events/{event_id}/queue/pause"): OWN_QUEUE,
    ("POST", "/api/events/{event_id}/queue/resume"): OWN_QUEUE,
}

PAYMENT_METHODS: Mapping[Endpoint, Problems] = {
    ("POST", "/api/payment-methods"): (*OWN_VENDOR, VendorUnclear, payment_methods.PaymentMethodExists),
    ("GET", "/api/payment-methods"): (),
    ("PUT", "/api/payment-methods/{method_id}"): (payment_methods.PaymentMethodNotFound,),
    ("DELETE", "/api/payment-methods/{method_id}"): (payment_methods.PaymentMethodNotFound, payment_methods.PaymentMethodNeeded),
    ("POST", "/api/events/{event_id}/payment-methods"): (*OWN_EVENT, changes.EventFixed, payment_methods.PaymentMethodNeeded),
}

PROMOTIONS: Mapping[Endpoint, Problems] = {
    ("POST", "/api/promotions"): (*OWN_VENDOR, VendorUnclear, promotions.CodeTaken, *AMOUNT),
    ("GET", "/api/promotions"): (),
    ("PATCH", "/api/promotions/{promotion_id}"): OWN_PROMOTION,
}

PACKAGES: Mapping[Endpoint, Problems] = {
    ("POST", "/api/packages"): (*OWN_VENDOR, VendorUnclear, *AMOUNT),
    ("GET", "/api/packages"): (),
    ("GET", "/api/packages/{package_id}"): PACKAGE,
    ("PATCH", "/api/packages/{package_id}"): PACKAGE,
    ("POST", "/api/packages/{package_id}/orders"): (*PACKAGE, packages.PackageNotOnSale, package.PackageLimitReached, *HOLDING),
}

REPORTS: Mapping[Endpoint, Problems] = {
    ("GET", "/api/vendors/{vendor_id}/sales"): OWN_VENDOR,
}

TICKETS: Mapping[Endpoint, Problems] = {
    ("GET", "/api/tickets"): (),
    ("GET", "/api/tickets/{ticket_id}"): OWN_TICKET,
    ("HEAD", "/api/tickets/{ticket_id}"): OWN_TICKET,
    ("GET", "/api/tickets/{ticket_id}/qr"): (*OWN_TICKET, TicketCancelled),
    ("GET", "/api/tickets/{ticket_id}/pdf"): (*OWN_TICKET, TicketCancelled),
    ("GET", "/api/tickets/{ticket_id}/receipt"): (*OWN_TICKET, pay.OrderNotFound, receipt.OrderNotPaid),
    ("DELETE", "/api/tickets/{ticket_id}"): (*OWN_TICKET, cancel_ticket.TicketNotCancellable, *BY_WRITER),
}

WEBHOOKS: Mapping[Endpoint, Problems] = {
    ("POST", "/api/webhooks"): (*OWN_VENDOR, VendorUnclear, outbound.AddressRefused, webhooks.TooManyWebhooks),
    ("GET", "/api/webhooks"): (),
    ("DELETE", "/api/webhooks/{webhook_id}"): OWN_WEBHOOK,
    ("POST", "/api/webhooks/{webhook_id}/secret"): OWN_WEBHOOK,
    ("POST", "/api/webhooks/{webhook_id}/enable"): OWN_WEBHOOK,
    ("GET", "/api/webhooks/{webhook_id}/deliveries"): OWN_WEBHOOK,
    ("POST", "/api/webhooks/{webhook_id}/deliveries/{delivery_id}/replay"): (
        *OWN_WEBHOOK,
        webhooks.DeliveryNotFound,
        webhooks.WebhookDisabled,
        states.TransitionNotAllowed,
    ),
}

EVENT_LIFE: Mapping[Endpoint, Problems] = {
    ("POST", "/api/events/{event_id}/close-sales"): (*OWN_EVENT, changes.EventVersionChanged, life.NothingOnSale),
    ("POST", "/api/events/{event_id}/reopen-sales"): (*OWN_EVENT, changes.EventVersionChanged, life.NothingOnSale, life.SalesOver),
    ("POST", "/api/events/{event_id}/postpone"): (*OWN_EVENT, life.EventHasBegun, states.TransitionNotAllowed),
    ("POST", "/api/events/{event_id}/clone"): OWN_EVENT,
    ("GET", "/api/events/{event_id}/ticket-types"): OWN_EVENT,
    ("PATCH", "/api/events/{event_id}/ticket-types/{ticket_type_id}"): (
        *OWN_EVENT,
        changes.EventFixed,
        publish.EventIncomplete,
        capacity.TicketTypeUnknown,
        capacity.PlacesTaken,
    ),
    ("POST", "/api/events/{event_id}/blocks"): (
        *OWN_EVENT,
        changes.EventFixed,
        publish.EventIncomplete,
        seatmap.SectionNotFound,
        claim.SeatNotFound,
        claim.SeatsTaken,
        blocks.BlockNotFound,
    ),
    ("GET", "/api/events/{event_id}/blocks"): OWN_EVENT,
    ("DELETE", "/api/events/{event_id}/blocks"): (*OWN_EVENT, changes.EventFixed, blocks.SeatsNotBlocked),
    ("DELETE", "/api/events/{event_id}/blocks/{block_id}"): (*OWN_EVENT, changes.EventFixed, blocks.BlockNotFound),
}

BY_STAFF: Problems = (
    claim.EventNotFound,
    claim.NotOnSale,
    claim.SeatNotFound,
    claim.SeatsTaken,
    claim.SoldOut,
    pay.OrderNotFound,
    *ADDRESS,
    *BY_WRITER,
)
STAFF_SALES: Mapping[Endpoint, Problems] = {
    ("POST", "/api/box-office/orders"): (*BY_STAFF, pay.ProviderNotOffered),
    ("GET", "/api/box-office/orders/{order_id}/pdf"): (pay.OrderNotFound, TicketCancelled),
    ("POST", "/api/events/{event_id}/complimentary"): BY_STAFF,
}

WAITING_LIST: Mapping[Endpoint, Problems] = {
    ("POST", "/api/events/{event_id}/waiting-list"): (
        waitinglist.EventNotListed,
        waitinglist.NoWaitingList,
        waitinglist.PlacesAvailable,
        waitinglist.AlreadyWaiting,
    ),
    ("GET", "/api/waiting-list"): (),
    ("DELETE", "/api/waiting-list/{entry_id}"): (waitinglist.EntryNotFound, waitinglist.EntryEnded),
}

VENUES: Mapping[Endpoint, Problems] = {
    ("GET", "/api/venues"): (),
    ("POST", "/api/venues"): (*OWN_VENDOR, VendorUnclear, venues.VenueTaken, clock.UnknownZone),
    ("GET", "/api/venues/{venue_id}"): (venues.VenueNotFound,),
    ("PATCH", "/api/venues/{venue_id}"): (venues.VenueNotFound, venues.VenueShared, venues.VenueTaken, clock.UnknownZone),
    ("POST", "/api/venues/{venue_id}/copy"): (*OWN_VENDOR, VendorUnclear, venues.VenueNotFound, venues.VenueTaken, plan.PlanRefused),
    ("GET", "/api/venues/{venue_id}/configurations"): (venues.VenueNotFound,),
    ("POST", "/api/venues/{venue_id}/configurations"): (*OWN_VENDOR, VendorUnclear, venues.VenueNotFound, venues.ConfigurationTaken),
    ("POST", "/api/configurations/{configuration_id}/layouts"): (venues.ConfigurationNotFound, *PLAN),
    ("GET", "/api/layouts/{layout_id}"): OWN_LAYOUT,
    ("PUT", "/api/layouts/{layout_id}"): (*OWN_LAYOUT, layouts.LayoutPublished, *PLAN),
    ("POST", "/api/layouts/{layout_id}/publish"): (*OWN_LAYOUT, layouts.LayoutPublished),
    ("GET", "/api/events/{event_id}/reseatings"): OWN_EVENT,
    ("POST", "/api/events/{event_id}/reseatings"): (*OWN_EVENT, reseating.LayoutCurrent),
    ("POST", "/api/reseatings/{reseating_id}/apply"): (
        reseating.ReseatingNotFound,
        states.TransitionNotAllowed,
        apply.PlanOutdated,
        apply.SeatsStillHeld,
        apply.GroupsUnplaced,
        apply.StandingTooSmall,
        apply.EventBusy,
    ),
    ("POST", "/api/reseatings/{reseating_id}/refuse"): (reseating.ReseatingNotFound, states.TransitionNotAllowed),
}

PHOTOS: Mapping[Endpoint, Problems] = {
    ("POST", "/api/users/{user_id}/images"): (*PHOTO_FILE, sessions.UserNotFound, photos.EventNotAttended, photos.TooManyPhotos),
    ("GET", "/api/users/{user_id}/images"): (sessions.UserNotFound,),
    ("DELETE", "/api/users/{user_id}/images/{image_id}"): (sessions.UserNotFound, photos.PhotoNotFound),
    ("GET", "/api/events/{event_id}/images"): (browse.EventNotPublic,),
    ("GET", "/api/venues/{venue_id}/images"): (photos.PlaceNotFound,),
    ("GET", "/api/artists/{artist_id}/images"): (photos.PlaceNotFound,),
    ("GET", "/api/images/{image_id}"): (photos.PhotoNotFound,),
    ("GET", "/api/vendors/{vendor_id}/images"): OWN_VENDOR,
    ("POST", "/api/images/{image_id}/approve"): (photos.PhotoNotFound, states.TransitionNotAllowed),
    ("POST", "/api/images/{image_id}/reject"): (photos.PhotoNotFound, states.TransitionNotAllowed),
}

PRIVACY: Mapping[Endpoint, Problems] = {
    ("GET", "/api/users/{user_id}/export"): (sessions.UserNotFound, TooManyRequests),
    ("DELETE", "/api/users/{user_id}"): (
        sessions.UserNotFound,
        privacy_routes.ConfirmationNeeded,
        privacy_routes.OnlyThemselves,
        privacy.MattersOpen,
        members.LastOwner,
        passwords.SignInsBusy,
        TooManyRequests,
        *BY_WRITER,
    ),
}

RECOMMENDATIONS: Mapping[Endpoint, Problems] = {
    ("GET", "/api/recommendations"): (),
    ("POST", "/api/recommendations/opt-out"): (),
    ("DELETE", "/api/recommendations/opt-out"): (),
}

BOOKING_AT_ONCE: Mapping[Endpoint, Problems] = {
    ("POST", "/api/tickets/book"): (*HOLDING, *ORDERING),
    ("POST", "/api/shows/{event_id}/tickets"): (*HOLDING, *ORDERING),
    ("POST", "/api/payment/callback"): CALLBACK,
}
"""Aliases that an adapter takes in: all others have the problems of what they stand for."""

PROBLEMS: Mapping[Endpoint, Problems] = {
    **ACCOUNTS,
    **OAUTH,
    **PEOPLE,
    **EVENTS,
    **BOOKING,
    **WAITING_ROOM,
    **PAYMENT_METHODS,
    **PROMOTIONS,
    **PACKAGES,
    **REPORTS,
    **TICKETS,
    **WEBHOOKS,
    **EVENT_LIFE,
    **STAFF_SALES,
    **WAITING_LIST,
    **VENUES,
    **PHOTOS,
    **PRIVACY,
    **RECOMMENDATIONS,
    **BOOKING_AT_ONCE,
}
