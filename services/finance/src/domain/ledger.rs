//! Where the money of a sum stands, and how it moves: from one account to another, never from
//! nowhere and never to nowhere.

use terms::Pence;

terms::words! {
    /// An account of one sum: of a PCN, a contract year and a pot.
    Account,
    "must be allocation, room, claimed, committed, approved or paid",
    {
        /// The sum itself: what all others add up to, with the opposite sign.
        Allocation = "allocation",
        /// What nobody has asked for.
        Room = "room",
        /// Reserved for claims that wait for the first approval.
        Claimed = "claimed",
        /// For claims with the first approval.
        Committed = "committed",
        /// For claims with both approvals.
        Approved = "approved",
        /// Paid.
        Paid = "paid",
    }
}

terms::words! {
    /// What a transfer means.
    TransferKind,
    "must be allocation, claimed, committed, approved, paid, released or adjustment",
    {
        /// The sum became larger or smaller.
        Allocation = "allocation",
        /// A claim was submitted, or a question took its first approval back.
        Claimed = "claimed",
        /// A claim got its first approval.
        Committed = "committed",
        /// A claim got its second approval.
        Approved = "approved",
        /// A claim was paid.
        Paid = "paid",
        /// A claim was rejected or withdrawn.
        Released = "released",
        /// What was paid came back.
        Adjustment = "adjustment",
    }
}

/// Money on its way from one account of a sum to another: the one is credited with what the other
/// is debited with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    from: Account,
    to: Account,
    amount: Pence,
}

impl Transfer {
    /// None for nothing: an amount of zero, or an account to itself.
    ///
    /// # Panics
    ///
    /// If the amount is below zero: the way back is another transfer.
    pub fn new(from: Account, to: Account, amount: Pence) -> Option<Transfer> {
        assert!(amount >= Pence::ZERO, "money moves forward");
        (amount > Pence::ZERO && from != to).then_some(Transfer { from, to, amount })
    }

    /// What makes a sum of `now` one of `wanted`: what is used of it stays, so that it becomes no
    /// smaller than that.
    pub fn of_allocation(now: &Balance, wanted: Pence) -> Option<Transfer> {
        let change = wanted - now.allocation();
        if change >= Pence::ZERO {
            return Transfer::new(Account::Allocation, Account::Room, change);
        }
        Transfer::new(Account::Room, Account::Allocation, (-change).min(now.on(Account::Room)))
    }

    /// The account that is credited.
    pub const fn from(&self) -> Account {
        self.from
    }

    /// The account that is debited.
    pub const fn to(&self) -> Account {
        self.to
    }

    /// The amount, above zero.
    pub const fn amount(&self) -> Pence {
        self.amount
    }

    /// What it means.
    pub const fn kind(&self) -> TransferKind {
        match (self.from, self.to) {
            (Account::Allocation, _) | (_, Account::Allocation) => TransferKind::Allocation,
            (Account::Paid, _) => TransferKind::Adjustment,
            (_, Account::Room) => TransferKind::Released,
            (_, Account::Claimed) => TransferKind::Claimed,
            (_, Account::Committed) => TransferKind::Committed,
            (_, Account::Approved) => TransferKind::Approved,
            (_, Account::Paid) => TransferKind::Paid,
        }
    }
}

/// What stands on each account of a sum. They add up to nothing, and none but the allocation's is
/// below zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance([Pence; Account::ALL.len()]);

/// An account has not as much as a transfer would take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{account} has {has}, and {amount} were to leave it")]
pub struct Overdrawn {
    /// The account.
    pub account: Account,
    /// What is on it.
    pub has: Pence,
    /// What was to leave it.
    pub amount: Pence,
}

impl Balance {
    /// Of what stands on each account, in their order.
    pub const fn new(accounts: [Pence; Account::ALL.len()]) -> Balance {
        Balance(accounts)
    }

    /// What stands on an account.
    pub const fn on(&self, account: Account) -> Pence {
        self.0[account as usize]
    }

    /// The sum.
    pub fn allocation(&self) -> Pence {
        -self.on(Account::Allocation)
    }

    /// What claims have taken of the sum, or reserved in it.
    pub fn used(&self) -> Pence {
        self.allocation() - self.on(Account::Room)
    }

    /// After a transfer.
    pub fn after(mut self, transfer: Transfer) -> Result<Balance, Overdrawn> {
        let Transfer { from, to, amount } = transfer;
        let has = self.on(from);
        if from != Account::Allocation && has < amount {
            return Err(Overdrawn { account: from, has, amount });
        }
        self.0[from as usize] = has - amount;
        self.0[to as usize] = self.on(to) + amount;
        Ok(self)
    }

    /// Whether everything stands somewhere, and nothing below zero.
    pub fn is_sound(&self) -> bool {
        let below =
            |account: &Account| *account != Account::Allocation && self.on(*account) < Pence::ZERO;
        self.0.iter().copied().sum::<Pence>() == Pence::ZERO
            && !Account::ALL.iter().any(below)
            && self.allocation() >= Pence::ZERO
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_accounts_are_in_the_order_of_their_numbers() {
        for (index, account) in Account::ALL.iter().enumerate() {
            assert_eq!(*account as usize, index);
        }
    }

    #[test]
    fn a_sum_shrinks_to_what_is_used_and_no_further() {
        let opened = Balance::default()
            .after(Transfer::of_allocation(&Balance::default(), Pence(1_000)).unwrap())
            .unwrap();
        let reserve = Transfer::new(Account::Room, Account::Claimed, Pence(700)).unwrap();
        let claimed = opened.after(reserve).unwrap();

        let less = Transfer::of_allocation(&claimed, Pence(500)).unwrap();
        let shrunk = claimed.after(less).unwrap();

        assert_eq!((shrunk.allocation(), shrunk.on(Account::Room)), (Pence(700), Pence::ZERO));
        assert_eq!(Transfer::of_allocation(&shrunk, Pence(500)), None);
        let again = Transfer::new(Account::Room, Account::Claimed, Pence(1)).unwrap();
        let overdrawn = Overdrawn { account: Account::Room, has: Pence::ZERO, amount: Pence(1) };
        assert_eq!(shrunk.after(again), Err(overdrawn));
    }

    proptest! {
        /// MON-1 of one sum: whatever moves, debits equal credits and nothing is overdrawn.
        #[test]
        fn mon_1_whatever_moves_everything_stands_somewhere(
            moves in prop::collection::vec((0..6_usize, 0..6_usize, 0..500_i64), 1..60),
        ) {
            let mut balance = Balance::default();
            for (from, to, amount) in moves {
                let (from, to) = (Account::ALL[from], Account::ALL[to]);
                let Some(transfer) = Transfer::new(from, to, Pence(amount)) else { continue };
                // Only a sum that has room may become smaller.
                if to == Account::Allocation && from != Account::Room {
                    continue;
                }
                if let Ok(after) = balance.after(transfer) {
                    balance = after;
                }
                prop_assert!(balance.is_sound(), "{balance:?}");
            }
        }
    }
}
