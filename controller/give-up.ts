/** A resource that failed this often in a row is not waited for any longer: a trial fails by it, and a device is at rest with it. */
export const GIVE_UP_ATTEMPTS = 5;
